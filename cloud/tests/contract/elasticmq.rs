//! ElasticMQ, somebody else's idea of SQS, on the Java machine: fetched once by Maven from its default repository, and kept.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::kept;
use crate::server::Server;

/// The version whose differences are listed below.
const VERSION: &str = "1.7.1";
/// Fetches it with what it needs. Pinned, so that the same commands are run everywhere.
const FETCH: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies";

/// Rows about queues and messages that it does not keep, and why.
pub(crate) const KNOWN_TO_DIFFER: &[(&str, &str)] = &[
    ("an_attribute_has_its_range", "it takes any number of seconds"),
    ("a_name_of_a_queue_rests_after_its_deletion", "a name is free at once"),
    ("deleting_a_message_twice_is_once", "the receipt of a message that is gone is ReceiptHandleIsInvalid"),
];

/// The address of any interface but the loopback is nobody's business, and no port is ours to choose. Queues' URLs have the
/// host that they were asked for by.
const SETTINGS: &str = r#"
include classpath("application.conf")
node-address { protocol = http, host = "*", port = 0, context-path = "" }
rest-sqs { enabled = true, bind-hostname = "127.0.0.1", bind-port = 0, sqs-limits = strict }
rest-stats { enabled = false }
aws { region = eu-west-1, accountId = 123456789012 }
"#;

/// Starts a server of our own, which ends when the value is dropped.
///
/// *Errors*: why there is none: no Java 17, no Maven, no network to fetch it from, a server that does not start.
pub(crate) async fn start() -> Result<Server, String> {
    let home = install().await?;
    let mut command = Command::new("java");
    command
        .args(["-Xmx256m", "-cp"])
        .arg(home.join("jars/*"))
        .arg(format!("-Dconfig.file={}", home.join("settings.conf").display()))
        .arg("org.elasticmq.server.Main");
    Server::announced(command, url_in).await
}

/// `..., bind address 127.0.0.1:39925, visible server address ...`
fn url_in(line: &str) -> Option<String> {
    let (_, address) = line.split_once("bind address ")?;
    Some(format!("http://{}", address.split(',').next()?.trim()))
}

/// Nothing was checked.
pub(crate) fn skipped(why: &str) {
    kept::skipped(&format!(
        "contract with ElasticMQ {VERSION}: {why}\n  NOTHING was checked against it; it needs java (17 or later) and mvn \
         (Debian: apt-get install default-jre-headless maven) and, once, Maven Central"
    ));
}

/// The directory with all its jars.
async fn install() -> Result<PathBuf, String> {
    kept::run(Path::new("java"), &["-version"]).await?;
    kept::install(&format!("elasticmq-{VERSION}"), async |home| {
        std::fs::create_dir_all(home).map_err(|error| error.to_string())?;
        let project = home.join("pom.xml");
        for (path, text) in [(&project, of_maven().as_str()), (&home.join("settings.conf"), SETTINGS)] {
            std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        let jars = format!("-DoutputDirectory={}", home.join("jars").display());
        let arguments = ["-q", "-B", "-f", &project.to_string_lossy(), FETCH, "-DincludeScope=runtime", &jars];
        kept::run(Path::new("mvn"), &arguments).await.map(drop)
    })
    .await
}

/// A project that is nothing but its dependency.
fn of_maven() -> String {
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\">
  <modelVersion>4.0.0</modelVersion>
  <groupId>dev.clusterbench</groupId>
  <artifactId>elasticmq</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.elasticmq</groupId>
      <artifactId>elasticmq-server_3</artifactId>
      <version>{VERSION}</version>
    </dependency>
  </dependencies>
</project>
"
    )
}

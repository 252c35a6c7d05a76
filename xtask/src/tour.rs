//! `tour`: the pictures of docs/tour.md, cut out of the pages of samples that a lab just ran. Nothing in them is drawn by hand.
//! `tour --all`: every sample runs, and a browser opens the page of each.

use std::fs;
use std::path::{Path, PathBuf};

use crate::build::{self, Built};
use crate::lab::command;
use crate::{Outcome, Paths, disk, outcomes, run, say, suite};

/// Where pictures and samples are.
const PICTURES: &str = "docs/img";
const SAMPLES: &str = "manifests/samples";

/// Longest picture: a document has several, and is read over slow lines.
const MOST_BYTES: usize = 60_000;

/// The sample whose image is for its reader to name: it cannot run as it is.
const NOWHERE: &str = "container";

/// One picture: the sample whose page it is in, how its element begins there, and its file.
struct Figure {
    sample: &'static str,
    sign: &'static str,
    file: &'static str,
}

const fn figure(sample: &'static str, sign: &'static str, file: &'static str) -> Figure {
    Figure { sample, sign, file }
}

const SIZE: &str = "aria-label=\"Size of the difference\"";

const FIGURES: [Figure; 8] = [
    figure("micro-vs-large", SIZE, "which-type.svg"),
    figure("micro-vs-large", "aria-label=\"cluster2 against cluster1 in each round\"", "which-type-rounds.svg"),
    figure("per-dollar", SIZE, "which-per-dollar.svg"),
    figure("application", "aria-label=\"Response times by percentile\"", "which-balancer.svg"),
    figure("versions", SIZE, "which-version.svg"),
    figure("queue", "aria-labelledby=\"queue-title", "queue.svg"),
    figure("scaling", "aria-labelledby=\"instances-title", "scaling.svg"),
    figure("capacity", "aria-label=\"Rates tried in each round: cluster1\"", "how-many.svg"),
];

/// Runs the samples, or those that are named, and writes their pictures; with `--pages DIR` from pages that a demo left there.
pub(crate) fn tour(paths: &Paths, words: &[&str]) -> Outcome {
    if let ["--pages", directory] = words {
        let directory = Path::new(directory);
        let is_there = |sample: &str| directory.join(format!("{sample}.html")).is_file();
        for sample in samples().into_iter().filter(|sample| !is_there(sample)) {
            say::line(format_args!("{} has no page of {sample}, whose pictures stay", directory.display()));
        }
        return cut(paths, directory, is_there);
    }
    if let ["--all"] = words {
        return all(paths);
    }
    if let Some(strange) = words.iter().find(|word| FIGURES.iter().all(|figure| figure.sample != **word)) {
        return Err(format!("no picture of the tour is of {strange}: they are of {}", samples().join(", ")));
    }
    let is_wanted = |sample: &str| words.is_empty() || words.contains(&sample);
    let built = build::build(paths)?;
    let pages = emptied(paths)?;
    for sample in samples().into_iter().filter(|sample| is_wanted(sample)) {
        page(paths, &built, &pages, sample)?;
    }
    cut(paths, &pages, is_wanted)
}

/// A directory for pages.
fn emptied(paths: &Paths) -> Outcome<PathBuf> {
    let pages = paths.given_away("tour");
    disk::remove(&pages)?;
    disk::create(&pages)?;
    Ok(pages)
}

/// Runs a sample in a lab of its own, which leaves the page of its result.
fn page(paths: &Paths, built: &Built, pages: &Path, sample: &str) -> Outcome {
    let file = paths.root.join(SAMPLES).join(format!("{sample}.yaml"));
    let words = ["demo", &file.display().to_string(), "--html", &pages.display().to_string()];
    run::step(&format!("lab run of {sample}"), &mut command(&built.binaries.join("lab"), Some(built), &words))
}

/// Runs every sample and shows all pages to a browser, which has to find nothing wrong with them. A run that is not valid has
/// a page as well; one that left none is named.
fn all(paths: &Paths) -> Outcome {
    let built = build::build(paths)?;
    let pages = emptied(paths)?;
    let mut without = Vec::new();
    for sample in every_sample(paths)?.into_iter().filter(|sample| sample != NOWHERE) {
        if let Err(why) = page(paths, &built, &pages, &sample) {
            say::line(format_args!("{why}"));
        }
        if !pages.join(format!("{sample}.html")).is_file() {
            without.push(sample);
        }
    }
    let binaries = suite::of(paths, &["report"], &[])?;
    let browser =
        binaries.iter().find(|binary| binary.target == "browser").ok_or("crate report has no test browser")?;
    let mut command = outcomes::command(paths, browser, &[]);
    let tally = outcomes::counted("browser", command.env("CLUSTERBENCHMARK_PAGES", &pages).env("CI", "true"))?;
    if let Some(failure) = tally.failed.first() {
        return Err(format!("{failure}: {}", failure.shown().collect::<Vec<_>>().join("\n")));
    }
    if !without.is_empty() {
        return Err(format!("no page of {}, see above; the others are in {}", without.join(", "), pages.display()));
    }
    say::line(format_args!("pages of all samples are in {}", pages.display()));
    Ok(())
}

/// Names of all samples, in order.
fn every_sample(paths: &Paths) -> Outcome<Vec<String>> {
    let directory = paths.root.join(SAMPLES);
    let entries =
        fs::read_dir(&directory).map_err(|error| format!("{} cannot be read: {error}", directory.display()))?;
    let name = |path: PathBuf| {
        path.extension().is_some_and(|one| one == "yaml").then(|| path.file_stem()?.to_str().map(str::to_owned))?
    };
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| name(entry.path())).collect();
    names.sort();
    Ok(names)
}

/// Samples with a picture, each once.
fn samples() -> Vec<&'static str> {
    let mut samples: Vec<&str> = FIGURES.iter().map(|figure| figure.sample).collect();
    samples.dedup();
    samples
}

/// Writes the pictures out of pages.
fn cut(paths: &Paths, pages: &Path, is_wanted: impl Fn(&str) -> bool) -> Outcome {
    let directory = paths.root.join(PICTURES);
    disk::create(&directory)?;
    for figure in FIGURES.iter().filter(|figure| is_wanted(figure.sample)) {
        let picture = read(&pages.join(format!("{}.html", figure.sample)))
            .and_then(|page| picture(&page, figure.sign))
            .map_err(|why| format!("{}: {why}", figure.sample))?;
        disk::write(&directory.join(figure.file), picture.as_bytes(), 0o644)?;
        say::line(format_args!("{PICTURES}/{} is {} bytes", figure.file, picture.len()));
    }
    Ok(())
}

fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

/// The one picture of a page whose element begins with `sign`, as a file of its own: with the page's style sheet, which knows the reader's
/// light or dark setting, and on the page's paper.
fn picture(page: &str, sign: &str) -> Outcome<String> {
    // What is around a picture is named after it as well.
    let mut pictures = page.split("<svg ").skip(1).filter_map(|picture| picture.split_once('>'));
    let (head, rest) =
        pictures.find(|(head, _)| head.contains(sign)).ok_or_else(|| format!("its page has no picture with {sign}"))?;
    let (content, _) = rest.split_once("</svg>").ok_or_else(|| format!("the picture with {sign} has no end"))?;
    let sheet = page.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>"));
    let sheet: String =
        sheet.ok_or("its page has no style sheet")?.0.lines().filter(|line| is_of_pictures(line)).collect();
    let view =
        head.split_once("viewBox=\"0 0 ").and_then(|(_, rest)| rest.split_once('"')).ok_or("it has no viewBox")?.0;
    let (width, height) = view.split_once(' ').ok_or("its viewBox has no height")?;
    let head = [&format!(" width=\"{width}\""), &format!(" height=\"{height}\"")]
        .iter()
        .fold(head.to_owned(), |head, size| head.replacen(size.as_str(), "", 1));
    let picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" {head}>\
         <style>{sheet}</style><rect width=\"100%\" height=\"100%\" fill=\"var(--bg)\"/>{content}</svg>\n"
    );
    if picture.len() > MOST_BYTES {
        return Err(format!("the picture with {sign} is {} bytes long, more than {MOST_BYTES}", picture.len()));
    }
    Ok(picture)
}

/// Rules about the width of a page and about paper are none for a picture.
fn is_of_pictures(line: &str) -> bool {
    !["@media (max-width", "@media print", "svg.plot,.picture{"].iter().any(|begin| line.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "<head><style>.a{fill:red}\n@media (max-width:640px){svg{width:1px}}\n@media print{b{}}</style></head>\
        <svg class=\"key\"></svg><div aria-label=\"Size of the difference\"><svg class=\"plot\" role=\"img\" aria-label=\"Size of the difference\" viewBox=\"0 0 760 94\">\
        <desc>a &lt; b</desc></svg></div><svg class=\"picture\" aria-labelledby=\"queue-title queue-desc\" viewBox=\"0 0 960 500\" \
        width=\"960\" height=\"500\"><title id=\"queue-title\">q</title></svg>";

    #[test]
    fn a_picture_is_cut_out_with_the_looks_of_its_page() {
        assert_eq!(
            picture(PAGE, SIZE).unwrap(),
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"760\" height=\"94\" class=\"plot\" role=\"img\" \
             aria-label=\"Size of the difference\" viewBox=\"0 0 760 94\"><style>.a{fill:red}</style>\
             <rect width=\"100%\" height=\"100%\" fill=\"var(--bg)\"/><desc>a &lt; b</desc></svg>\n"
        );
        let queue = picture(PAGE, "aria-labelledby=\"queue-title").unwrap();
        assert_eq!(queue.matches(" width=\"960\"").count(), 1, "{queue}");
        assert!(picture(PAGE, "aria-label=\"x\"").unwrap_err().contains("has no picture with"));
    }

    #[test]
    fn every_picture_is_of_a_sample_and_in_the_tour() {
        let root = Paths::find().unwrap().root;
        let tour = read(&root.join("docs/tour.md")).unwrap();
        for Figure { sample, file, .. } in &FIGURES {
            assert!(root.join(SAMPLES).join(format!("{sample}.yaml")).is_file(), "{sample}");
            assert!(tour.contains(&format!("(img/{file})")), "the tour does not show {file}");
            let picture = read(&root.join(PICTURES).join(file)).unwrap();
            assert!(
                picture.starts_with("<svg xmlns=") && picture.len() <= MOST_BYTES,
                "{file}: {} bytes",
                picture.len()
            );
        }
    }
}

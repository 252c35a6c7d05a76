//! Buckets of S3 and what is in them.

use cloudsim::s3::{
    About, Action, Algorithm, Body, Checksum, CreateBucket, GetObject, ListBuckets, ListObjects, ListVersions,
    Namespace, ObjectId, PutObject, Stored, Versioning,
};
use cloudsim::{BucketSettings, Call, Lag, Outcome, PageRequest, Reply, Settings, Sim, Span};
use planner::owner::{Owner, Tags};
use planner::ports::QUEUE_PREFIX;

use crate::world::{at, code, exact, sim};

pub(crate) const NAME: &str = "clusterbench-b-1-000000000000-eu-west-1-an";
pub(crate) const ACCOUNT: &str = "000000000000";

pub(crate) fn with(change: impl FnOnce(&mut BucketSettings)) -> Settings {
    let mut settings = exact();
    change(&mut settings.buckets);
    settings
}

pub(crate) fn tags(value: &str) -> Tags {
    [("owner".to_owned(), value.to_owned())].into()
}

pub(crate) fn bucket(name: &str) -> CreateBucket {
    CreateBucket {
        name: name.to_owned(),
        location: Some("eu-west-1".to_owned()),
        namespace: Namespace::AccountRegional,
        tags: tags("us"),
    }
}

pub(crate) fn create(sim: &mut Sim, second: i64) {
    sim.s3(at(second)).create_bucket(&bucket(NAME)).unwrap();
}

pub(crate) fn new_object(key: &str, bytes: &[u8]) -> PutObject {
    PutObject {
        bucket: NAME.to_owned(),
        key: key.to_owned(),
        body: Body::in_memory(bytes.to_vec(), &[]),
        claims: Vec::new(),
        only_new: false,
        expected_owner: None,
        headers: Default::default(),
    }
}

fn put(sim: &mut Sim, key: &str, bytes: &[u8], second: i64) -> Stored {
    sim.s3(at(second)).put_object(new_object(key, bytes)).unwrap()
}

pub(crate) fn get(key: &str) -> GetObject {
    GetObject { bucket: NAME.to_owned(), key: key.to_owned(), ..GetObject::default() }
}

fn read(sim: &mut Sim, request: &GetObject, second: i64) -> Outcome<Vec<u8>> {
    let found = sim.s3(at(second)).get_object(request)?;
    Ok(found.object.body.kept::<Vec<u8>>().unwrap().to_vec())
}

pub(crate) fn id(key: &str) -> ObjectId {
    ObjectId { key: key.to_owned(), version_id: None }
}

fn names(sim: &mut Sim, second: i64) -> Vec<String> {
    let page = sim.s3(at(second)).list_buckets(&ListBuckets::default()).unwrap();
    page.items.iter().map(|bucket| bucket.name.clone()).collect()
}

fn list(prefix: &str, delimiter: Option<&str>, most: usize) -> ListObjects {
    ListObjects {
        bucket: NAME.to_owned(),
        prefix: prefix.to_owned(),
        delimiter: delimiter.map(str::to_owned),
        page: PageRequest { max_results: Some(most), next_token: None },
        ..ListObjects::default()
    }
}

/// All pages: keys and common prefixes in the order in which they came.
fn listed(sim: &mut Sim, mut request: ListObjects) -> (Vec<String>, usize) {
    let (mut all, mut pages) = (Vec::new(), 0);
    loop {
        let page = sim.s3(at(9)).list_objects(&request).unwrap();
        pages += 1;
        let mut items: Vec<String> = page.objects.into_iter().map(|one| one.key).chain(page.prefixes).collect();
        items.sort();
        all.extend(items);
        request.page.next_token = page.next_token;
        if request.page.next_token.is_none() {
            return (all, pages);
        }
    }
}

#[test]
fn a_bucket_is_made_once_with_its_tags_and_deleted_empty() {
    let mut sim = sim(exact());
    create(&mut sim, 0);
    assert_eq!(code(sim.s3(at(1)).create_bucket(&bucket(NAME))), "BucketAlreadyOwnedByYou");
    assert_eq!(sim.s3(at(1)).get_bucket_tagging(NAME, Some(ACCOUNT)), Ok(tags("us")));
    assert_eq!(sim.s3(at(1)).head_bucket(NAME, None), Ok("eu-west-1".to_owned()));
    assert_eq!(sim.s3(at(1)).get_bucket_location(NAME, None), Ok(Some("eu-west-1".to_owned())));
    assert_eq!(code(sim.s3(at(1)).get_bucket_tagging(NAME, Some("1"))), "AccessDenied");
    sim.s3(at(2)).put_bucket_tagging(NAME, &Tags::new(), None).unwrap();
    assert_eq!(code(sim.s3(at(2)).get_bucket_tagging(NAME, None)), "NoSuchTagSet");
    put(&mut sim, "in/1", b"a", 3);
    assert_eq!((sim.audit().buckets, sim.audit().objects, sim.truth().s3.count_objects(NAME, "in/")), (1, 1, 1));
    assert_eq!(code(sim.s3(at(3)).delete_bucket(NAME, None)), "BucketNotEmpty");
    sim.s3(at(3)).delete_object(NAME, &id("in/1"), None).unwrap();
    assert_eq!(code(sim.s3(at(3)).delete_bucket(NAME, Some("1"))), "AccessDenied");
    sim.s3(at(3)).delete_bucket(NAME, None).unwrap();
    assert_eq!(code(sim.s3(at(4)).delete_bucket(NAME, None)), "NoSuchBucket");
    assert_eq!(code(read(&mut sim, &get("in/1"), 4)), "NoSuchBucket");
    create(&mut sim, 4);
    assert_eq!((sim.audit().buckets, sim.truth().s3.made()[NAME]), (1, 2));
}

#[test]
fn in_virginia_a_bucket_of_ours_is_a_success_and_has_no_place() {
    let mut sim = sim(Settings { region: "us-east-1".into(), ..exact() });
    let name = "clusterbench-b-1-000000000000-us-east-1-an";
    let request = CreateBucket { location: None, ..bucket(name) };
    sim.s3(at(0)).create_bucket(&request).unwrap();
    sim.s3(at(0)).create_bucket(&request).unwrap();
    assert_eq!(sim.s3(at(0)).get_bucket_location(name, None), Ok(None));
    assert_eq!(sim.truth().s3.made()[name], 1);
    sim.s3(at(0)).plant_bucket_of("999999999999", "taken", Tags::new());
    let taken = CreateBucket { namespace: Namespace::Global, location: None, ..bucket("taken") };
    assert_eq!(code(sim.s3(at(1)).create_bucket(&taken)), "BucketAlreadyExists");
}

#[test]
fn requests_that_s3_would_not_take_are_refused() {
    let mut sim = sim(with(|knobs| knobs.quota = Some(1)));
    let rows = [
        (CreateBucket { name: "Big".into(), ..bucket("") }, "InvalidBucketName"),
        (CreateBucket { namespace: Namespace::Global, ..bucket(NAME) }, "InvalidBucketName"),
        (CreateBucket { location: None, ..bucket(NAME) }, "IllegalLocationConstraintException"),
        (CreateBucket { tags: [("aws:x".to_owned(), String::new())].into(), ..bucket(NAME) }, "InvalidTag"),
    ];
    for (request, expected) in rows {
        assert_eq!(code(sim.s3(at(0)).create_bucket(&request)), expected);
    }
    create(&mut sim, 0);
    let second = CreateBucket { namespace: Namespace::Global, ..bucket("second") };
    assert_eq!(code(sim.s3(at(0)).create_bucket(&second)), "TooManyBuckets");
    assert_eq!(code(sim.s3(at(0)).put_object(new_object(&"k".repeat(1025), b""))), "KeyTooLongError");
}

#[test]
fn objects_are_what_was_written_and_digests_are_checked() {
    let mut sim = sim(exact());
    create(&mut sim, 0);
    let claimed = |bytes: &[u8], of: &[u8]| {
        let claims = Algorithm::ALL.map(|algorithm| Checksum::of(algorithm, of)).to_vec();
        PutObject { body: Body::in_memory(bytes.to_vec(), &claims), claims, ..new_object("out/1", bytes) }
    };
    assert_eq!(code(sim.s3(at(1)).put_object(claimed(b"hello", b"hellO"))), "BadDigest");
    assert_eq!(code(read(&mut sim, &get("out/1"), 1)), "NoSuchKey");
    let stored = sim.s3(at(1)).put_object(claimed(b"hello", b"hello")).unwrap();
    assert_eq!((stored.etag.as_str(), stored.version_id), ("5d41402abc4b2a76b9719d911017c592", None));
    assert_eq!(stored.checksum, Some(Checksum::of(Algorithm::Crc32, b"hello")));
    assert_eq!(read(&mut sim, &get("out/1"), 1), Ok(b"hello".to_vec()), "at once");
    let ranged = GetObject { range: Some("bytes=1-2".into()), ..get("out/1") };
    assert_eq!(sim.s3(at(1)).get_object(&ranged).unwrap().range, Some((1, 2)));
    let ranged = GetObject { range: Some("bytes=5-".into()), ..get("out/1") };
    assert_eq!(code(sim.s3(at(1)).get_object(&ranged)), "InvalidRange");
    let matching = |etag: &str| GetObject { if_match: Some(etag.to_owned()), ..get("out/1") };
    assert!(sim.s3(at(1)).get_object(&matching("\"5d41402abc4b2a76b9719d911017c592\"")).is_ok());
    assert_eq!(code(sim.s3(at(1)).get_object(&matching("\"0\""))), "PreconditionFailed");
    let wrong_owner = PutObject { expected_owner: Some("1".into()), ..new_object("x", b"") };
    assert_eq!(code(sim.s3(at(1)).put_object(wrong_owner)), "AccessDenied");
}

#[test]
fn a_conditional_write_succeeds_once() {
    let mut sim = sim(exact());
    create(&mut sim, 0);
    let only_new = |bytes: &[u8]| PutObject { only_new: true, ..new_object("out/1", bytes) };
    sim.s3(at(1)).put_object(only_new(b"first")).unwrap();
    let refusal = sim.s3(at(1)).put_object(only_new(b"second")).unwrap_err();
    assert_eq!((refusal.code.as_str(), refusal.status), ("PreconditionFailed", 412));
    assert_eq!(read(&mut sim, &get("out/1"), 1), Ok(b"first".to_vec()));
    sim.s3(at(2)).delete_object(NAME, &id("out/1"), None).unwrap();
    sim.s3(at(2)).put_object(only_new(b"third")).unwrap();
    let always = with(|knobs| knobs.conflict_per_mille = 1000);
    sim.set_settings(always);
    let conflict = sim.s3(at(3)).put_object(PutObject { key: "out/2".into(), ..only_new(b"") }).unwrap_err();
    assert_eq!((conflict.code.as_str(), conflict.status), ("ConditionalRequestConflict", 409));
    assert_eq!(code(sim.s3(at(3)).put_object(only_new(b""))), "PreconditionFailed", "that it is there is certain");
    assert_eq!(code(read(&mut sim, &get("out/2"), 3)), "NoSuchKey");
    put(&mut sim, "out/2", b"unconditional", 3);
}

#[test]
fn lists_are_in_the_order_of_keys_and_roll_up_what_is_behind_a_delimiter() {
    let mut sim = sim(exact());
    create(&mut sim, 0);
    for key in ["in/a/2", "in/a/1", "in/b", "in/c/1", "out/1", "Z", "in/"] {
        put(&mut sim, key, b"", 1);
    }
    let all = ["Z", "in/", "in/a/1", "in/a/2", "in/b", "in/c/1", "out/1"].map(str::to_owned).to_vec();
    for most in [1, 2, 3, 1000] {
        assert_eq!(listed(&mut sim, list("", None, most)).0, all, "{most}");
        let rolled = ["in/", "in/a/", "in/b", "in/c/"].map(str::to_owned).to_vec();
        assert_eq!(listed(&mut sim, list("in/", Some("/"), most)).0, rolled, "{most}");
        let top = ["Z", "in/", "out/"].map(str::to_owned).to_vec();
        assert_eq!(listed(&mut sim, list("", Some("/"), most)).0, top, "{most}");
    }
    assert_eq!(listed(&mut sim, list("in/", None, 2)).1, 3);
    let after = ListObjects { start_after: Some("in/b".into()), ..list("in/", None, 9) };
    assert_eq!(listed(&mut sim, after).0, ["in/c/1"]);
    let none = sim.s3(at(9)).list_objects(&list("", None, 0)).unwrap();
    assert!(none.objects.is_empty() && none.next_token.is_none());
    let wrong =
        ListObjects { page: PageRequest { max_results: None, next_token: Some("zz".into()) }, ..list("", None, 1) };
    assert_eq!(code(sim.s3(at(9)).list_objects(&wrong)), "InvalidArgument");
    sim.set_settings(Settings { page_size: 3, ..exact() });
    assert_eq!(listed(&mut sim, list("", None, 1000)).1, 3);
}

#[test]
fn many_are_deleted_by_one_call_and_what_is_not_there_counts_as_deleted() {
    let mut sim = sim(exact());
    create(&mut sim, 0);
    put(&mut sim, "a", b"", 1);
    let results = sim.s3(at(1)).delete_objects(NAME, &[id("a"), id("none")], None).unwrap();
    assert!(results.len() == 2 && results.iter().all(|(_, result)| result.is_ok()));
    assert_eq!(sim.audit().objects, 0);
    let many: Vec<ObjectId> = (0..1001).map(|number| id(&number.to_string())).collect();
    assert_eq!(code(sim.s3(at(1)).delete_objects(NAME, &many, None)), "MalformedXML");
    assert_eq!(code(sim.s3(at(1)).delete_objects(NAME, &[], None)), "MalformedXML");
    sim.set_settings(with(|knobs| knobs.failed_deletion_per_mille = 500));
    for key in &many[..1000] {
        put(&mut sim, &key.key, b"", 2);
    }
    let results = sim.s3(at(2)).delete_objects(NAME, &many[..1000], None).unwrap();
    let failed = results.iter().filter(|(_, result)| result.is_err()).count();
    assert!((400..600).contains(&failed) && sim.audit().objects == failed, "{failed}");
}

#[test]
fn a_bucket_that_somebody_made_versioned_keeps_what_is_deleted() {
    let mut sim = sim(exact());
    create(&mut sim, 0);
    put(&mut sim, "a", b"before", 1);
    assert!(sim.s3(at(1)).version_bucket_by_hand(NAME));
    assert_eq!(sim.s3(at(1)).get_bucket_versioning(NAME, None), Ok(Versioning::Enabled));
    let second = put(&mut sim, "a", b"after", 2).version_id.unwrap();
    let deleted = sim.s3(at(3)).delete_object(NAME, &id("a"), None).unwrap();
    assert!(deleted.is_marker);
    assert_eq!(code(read(&mut sim, &get("a"), 3)), "NoSuchKey");
    assert_eq!(listed(&mut sim, list("", None, 9)).0, [""; 0]);
    assert_eq!(code(sim.s3(at(3)).delete_bucket(NAME, None)), "BucketNotEmpty");
    let former = |version: &str| GetObject { version_id: Some(version.to_owned()), ..get("a") };
    assert_eq!(read(&mut sim, &former(&second), 3), Ok(b"after".to_vec()));
    assert_eq!(read(&mut sim, &former("null"), 3), Ok(b"before".to_vec()));
    assert_eq!(code(read(&mut sim, &former("none"), 3)), "NoSuchVersion");
    assert_eq!(code(read(&mut sim, &former(&deleted.version_id.unwrap()), 3)), "MethodNotAllowed");
    put(&mut sim, "b", b"", 4);
    // Page by page, as somebody cleans up.
    let mut request = ListVersions { bucket: NAME.to_owned(), max_keys: Some(1), ..ListVersions::default() };
    let mut found = Vec::new();
    loop {
        let page = sim.s3(at(5)).list_object_versions(&request).unwrap();
        found.extend(page.versions);
        let Some(next) = page.next else { break };
        (request.key_marker, request.version_marker) = (Some(next.key), next.version_id);
    }
    let shown: Vec<_> = found.iter().map(|one| (one.key.as_str(), one.is_latest, one.object.is_some())).collect();
    assert_eq!(shown, [("a", true, false), ("a", false, true), ("a", false, true), ("b", true, true)]);
    let ids: Vec<ObjectId> =
        found.into_iter().map(|one| ObjectId { key: one.key, version_id: Some(one.version_id) }).collect();
    sim.s3(at(6)).delete_objects(NAME, &ids, None).unwrap();
    sim.s3(at(6)).delete_bucket(NAME, None).unwrap();
    assert_eq!((sim.audit().buckets, sim.audit().objects), (0, 0));
}

#[test]
fn a_bucket_whose_versions_are_suspended_keeps_only_the_former_ones() {
    let mut sim = sim(exact());
    create(&mut sim, 0);
    sim.s3(at(0)).put_bucket_versioning(NAME, Versioning::Enabled, None).unwrap();
    put(&mut sim, "a", b"kept", 1);
    sim.s3(at(1)).put_bucket_versioning(NAME, Versioning::Suspended, None).unwrap();
    for bytes in [b"one", b"two"] {
        assert_eq!(put(&mut sim, "a", bytes, 2).version_id, None);
    }
    assert_eq!(sim.audit().objects, 2, "the null version is written over");
    let deleted = sim.s3(at(3)).delete_object(NAME, &id("a"), None).unwrap();
    assert_eq!((deleted.is_marker, deleted.version_id.as_deref()), (true, Some("null")));
    assert_eq!(sim.audit().objects, 2, "the kept one and a marker");
}

#[test]
fn buckets_are_seen_late_and_objects_at_once() {
    let mut sim = sim(with(|knobs| {
        knobs.lag = Some(Lag { id: Span::seconds(5, 5), tag: Span::seconds(20, 20), token: Span::NONE });
        knobs.name_linger = Span::seconds(60, 60);
    }));
    create(&mut sim, 0);
    assert_eq!(code(sim.s3(at(4)).put_object(new_object("a", b""))), "NoSuchBucket");
    assert_eq!(code(sim.s3(at(4)).get_bucket_tagging(NAME, None)), "NoSuchBucket");
    assert_eq!(code(sim.s3(at(4)).delete_bucket(NAME, None)), "NoSuchBucket");
    assert_eq!(
        code(sim.s3(at(4)).create_bucket(&bucket(NAME))),
        "BucketAlreadyOwnedByYou",
        "a create looks at the truth"
    );
    put(&mut sim, "a", b"", 5);
    assert!(read(&mut sim, &get("a"), 5).is_ok());
    assert_eq!(names(&mut sim, 19), [""; 0]);
    assert_eq!(names(&mut sim, 20), [NAME]);
    sim.s3(at(30)).delete_object(NAME, &id("a"), None).unwrap();
    sim.s3(at(30)).delete_bucket(NAME, None).unwrap();
    assert_eq!(sim.s3(at(34)).get_bucket_tagging(NAME, None), Ok(tags("us")));
    assert_eq!(code(sim.s3(at(34)).put_object(new_object("a", b""))), "NoSuchBucket", "writes look at the truth");
    assert_eq!(names(&mut sim, 49), [NAME], "what is gone is seen");
    assert_eq!(names(&mut sim, 50), [""; 0]);
    assert_eq!(code(sim.s3(at(89)).create_bucket(&bucket(NAME))), "OperationAborted");
    create(&mut sim, 90);
}

#[test]
fn buckets_have_pages_and_strangers_are_not_listed() {
    let mut sim = sim(exact());
    for number in 0..5 {
        let name = format!("clusterbench-{number}");
        let request = CreateBucket { namespace: Namespace::Global, ..bucket(&name) };
        sim.s3(at(0)).create_bucket(&request).unwrap();
    }
    sim.s3(at(0)).plant_bucket_of("999999999999", "clusterbench-9", Tags::new());
    sim.s3(at(0)).plant_bucket("another", Tags::new());
    let mut request = ListBuckets {
        prefix: Some(QUEUE_PREFIX.to_owned()),
        region: Some("eu-west-1".to_owned()),
        page: PageRequest { max_results: Some(2), next_token: None },
    };
    let (mut found, mut pages) = (Vec::new(), 0);
    loop {
        let page = sim.s3(at(1)).list_buckets(&request).unwrap();
        found.extend(page.items.iter().map(|bucket| bucket.name.clone()));
        pages += 1;
        request.page.next_token = page.next_token;
        if request.page.next_token.is_none() {
            break;
        }
    }
    assert_eq!((found, pages), ((0..5).map(|number| format!("clusterbench-{number}")).collect(), 3));
    let elsewhere = ListBuckets { region: Some("us-east-1".to_owned()), ..ListBuckets::default() };
    assert!(sim.s3(at(1)).list_buckets(&elsewhere).unwrap().items.is_empty());
    for max_results in [0, 10_001] {
        let page = PageRequest { max_results: Some(max_results), next_token: None };
        let wrong = ListBuckets { page, ..ListBuckets::default() };
        assert_eq!(code(sim.s3(at(1)).list_buckets(&wrong)), "InvalidArgument");
    }
    let strange = ListObjects { bucket: "clusterbench-9".to_owned(), ..ListObjects::default() };
    assert_eq!(code(sim.s3(at(1)).list_objects(&strange)), "AccessDenied");
    assert_eq!(names(&mut sim, 1).len(), 6);
    sim.set_settings(Settings { account: "123456789012".into(), ..exact() });
    assert_eq!(names(&mut sim, 1).len(), 0, "with other credentials nothing is there");
}

#[test]
fn s3_asks_for_fewer_calls_now_and_then() {
    let mut sim = sim(with(|knobs| knobs.slow_down_per_mille = 1000));
    create(&mut sim, 0);
    let refusal = sim.s3(at(1)).put_object(new_object("a", b"")).unwrap_err();
    assert_eq!((refusal.code.as_str(), refusal.status), ("SlowDown", 503));
    assert_eq!(code(sim.s3(at(1)).list_objects(&list("", None, 1))), "SlowDown");
    assert_eq!((sim.injected()["slow down"], sim.audit().objects), (2, 0));
    let throttled = Settings { throttling: cloudsim::Throttling::Published, ..exact() };
    sim.set_settings(throttled);
    let call = |sim: &mut Sim| {
        let call = Call::about(About::object(Action::PutObject, NAME, "a"));
        sim.call(call, at(2), |sim, now| sim.s3(now).put_object(new_object("a", b"")))
    };
    let answers: Vec<_> = (0..3501).map(|_| call(&mut sim)).collect();
    let Some(Reply::Whole(Err(refusal))) = answers.last() else { panic!("{:?}", answers.last()) };
    assert_eq!((refusal.code.as_str(), refusal.status), ("SlowDown", 503));
    assert!(matches!(&answers[3499], Reply::Whole(Ok(_))));
}

#[test]
fn things_of_others_are_noticed_when_a_call_touches_them() {
    let mut sim = sim(exact());
    let owner = Owner {
        installation: "main".into(),
        kubernetes_cluster: "k-1".into(),
        benchmark_uid: "b-1".into(),
        namespace: "default".into(),
        name: "bench".into(),
    };
    let count = sim.s3(at(0)).plant_near_misses(&owner);
    let page = sim.s3(at(0)).list_buckets(&ListBuckets::default()).unwrap();
    assert_eq!(page.items.len(), count - 1, "all but the stranger's");
    let ours: Vec<_> = page.items.iter().filter(|bucket| owner.owns(&bucket.tags)).collect();
    assert!(ours.iter().all(|bucket| !bucket.name.starts_with(QUEUE_PREFIX)), "{ours:?}");
    assert_eq!((sim.audit().buckets, sim.audit().objects), (0, 0));
    assert_eq!(sim.foreign_touched(), [""; 0]);
    let name = page.items[0].name.clone();
    sim.s3(at(1)).delete_object(&name, &id("kept"), None).unwrap();
    sim.s3(at(1)).delete_bucket(&name, None).unwrap();
    assert_eq!(sim.foreign_touched().len(), 2);
}

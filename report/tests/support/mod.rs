//! A page read as markup, by a parser that refuses what is not well-formed.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use wire::Report;

/// One element with the words in it, those of its children included.
#[derive(Clone, Debug, Default)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) words: String,
}

impl Element {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn of(tag: &BytesStart<'_>) -> Self {
        let attribute = |one: quick_xml::events::attributes::Attribute<'_>| {
            let name = one.key.as_ref().to_owned();
            (name, quick_xml::escape::unescape(&one.value).unwrap().into_owned())
        };
        let attributes = tag.attributes().map(|one| attribute(one.unwrap())).collect();
        Self { name: tag.name().as_ref().to_owned(), attributes, words: String::new() }
    }
}

/// What is shown of a page: its `main` element.
pub(crate) fn body(page: &str) -> &str {
    &page[page.find("<main>").unwrap()..page.find("</main>").unwrap() + "</main>".len()]
}

/// The report that is in a page.
pub(crate) fn document(page: &str) -> Report {
    let begin = "<script type=\"application/json\" id=\"report\">";
    let at = page.find(begin).unwrap() + begin.len();
    serde_json::from_str(&page[at..at + page[at..].find("</script>").unwrap()]).unwrap()
}

/// All elements of well-formed markup, each when it ends.
pub(crate) fn elements(markup: &str) -> Vec<Element> {
    let mut reader = Reader::from_str(markup);
    let (mut open, mut done): (Vec<Element>, Vec<Element>) = (Vec::new(), Vec::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) => open.push(Element::of(&tag)),
            Event::Empty(tag) => done.push(Element::of(&tag)),
            Event::Text(text) => open.iter_mut().for_each(|one| one.words += &text),
            Event::GeneralRef(reference) => {
                let word = quick_xml::escape::unescape(&format!("&{};", &*reference)).unwrap().into_owned();
                open.iter_mut().for_each(|one| one.words += &word);
            }
            Event::End(_) => done.push(open.pop().unwrap()),
            Event::Eof => return done,
            other => panic!("{other:?}"),
        }
    }
}

/// All words of a page, or of a part of it.
pub(crate) fn words(markup: &str) -> String {
    let part = if markup.contains("<main>") { body(markup).to_owned() } else { format!("{markup}</header>") };
    elements(&part).pop().unwrap().words
}

/// The tables of a page: rows with the words of their cells.
pub(crate) fn tables(page: &str) -> Vec<Vec<Vec<String>>> {
    let (mut tables, mut rows, mut cells) = (Vec::new(), Vec::new(), Vec::new());
    for one in elements(body(page)) {
        match one.name.as_str() {
            "td" | "th" => cells.push(one.words.trim().to_owned()),
            "tr" => rows.push(std::mem::take(&mut cells)),
            "table" => tables.push(std::mem::take(&mut rows)),
            _ => {}
        }
    }
    tables
}

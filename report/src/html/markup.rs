//! Markup, the only text that stands between tags as it is. Words become markup in one place, where they are escaped, so that
//! no name and no message of a report is ever taken for a tag.

use std::fmt;

use crate::picture::{escaped, px};

/// HTML or SVG.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Markup(String);

impl Markup {
    /// Markup that somebody else wrote and escaped: a picture of ours, a style sheet, a document.
    pub(super) fn written(markup: String) -> Self {
        Self(markup)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Markup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl From<&str> for Markup {
    fn from(words: &str) -> Self {
        Self(escaped(words).into_owned())
    }
}

impl From<&String> for Markup {
    fn from(words: &String) -> Self {
        Self::from(words.as_str())
    }
}

impl From<String> for Markup {
    fn from(words: String) -> Self {
        Self::from(words.as_str())
    }
}

impl<const COUNT: usize> From<[Markup; COUNT]> for Markup {
    fn from(parts: [Markup; COUNT]) -> Self {
        parts.into_iter().collect()
    }
}

impl From<Vec<Markup>> for Markup {
    fn from(parts: Vec<Markup>) -> Self {
        parts.into_iter().collect()
    }
}

impl FromIterator<Markup> for Markup {
    fn from_iter<Parts: IntoIterator<Item = Markup>>(parts: Parts) -> Self {
        Self(parts.into_iter().map(|part| part.0).collect())
    }
}

/// An element with its attributes and what is in it.
pub(super) fn tag(name: &str, attributes: &[(&str, &str)], content: impl Into<Markup>) -> Markup {
    Markup(format!("<{name}{}>{}</{name}>", listed(attributes), content.into()))
}

/// An element of SVG with nothing in it but its title, which a pointer shows.
pub(super) fn shape(name: &str, attributes: &[(&str, &str)], title: &str) -> Markup {
    if title.is_empty() {
        return Markup(format!("<{name}{}/>", listed(attributes)));
    }
    tag(name, attributes, tag("title", &[], title))
}

/// `<text>` of SVG at a place.
pub(super) fn label(x: f64, y: f64, class: &str, anchor: &str, words: &str) -> Markup {
    let mut attributes = vec![("x", px(x)), ("y", px(y))];
    attributes.extend((!class.is_empty()).then(|| ("class", class.to_owned())));
    attributes.extend((anchor != "start").then(|| ("text-anchor", anchor.to_owned())));
    let attributes: Vec<(&str, &str)> = attributes.iter().map(|(name, value)| (*name, value.as_str())).collect();
    tag("text", &attributes, words)
}

/// A rectangle, with what a pointer shows of it.
pub(super) fn rectangle((x, y): (f64, f64), (width, height): (f64, f64), class: &str, title: &str) -> Markup {
    let numbers = [x, y, width.max(0.0), height.max(0.0)].map(px);
    let [x, y, width, height] = &numbers;
    shape("rect", &[("class", class), ("x", x), ("y", y), ("width", width), ("height", height)], title)
}

/// A path, with what a pointer shows of it.
pub(super) fn path(class: &str, d: &str, title: &str) -> Markup {
    shape("path", &[("class", class), ("d", d)], title)
}

/// A straight line.
pub(super) fn line(class: &str, from: (f64, f64), to: (f64, f64)) -> Markup {
    path(class, &format!("M{} {}L{} {}", px(from.0), px(from.1), px(to.0), px(to.1)), "")
}

/// A paragraph, or nothing where there are no words.
pub(super) fn paragraph(class: &str, words: &str) -> Markup {
    if words.is_empty() {
        return Markup::default();
    }
    tag("p", &[("class", class)], words)
}

/// A list of sentences, or nothing.
pub(super) fn list(class: &str, sentences: &[String]) -> Markup {
    if sentences.is_empty() {
        return Markup::default();
    }
    tag("ul", &[("class", class)], sentences.iter().map(|one| tag("li", &[], one)).collect::<Markup>())
}

/// A part of the page under a heading, or nothing where it has no content.
pub(super) fn section(heading: &str, content: impl Into<Markup>) -> Markup {
    let content = content.into();
    if content.is_empty() {
        return content;
    }
    Markup::from([Markup("<section>".into()), tag("h2", &[], heading), content, Markup("</section>\n".into())])
}

/// Something wide, which moves by itself on a narrow screen; a keyboard reaches it.
pub(super) fn scrolled(name: &str, content: impl Into<Markup>) -> Markup {
    tag("div", &[("class", "scroll"), ("tabindex", "0"), ("role", "group"), ("aria-label", name)], content)
}

/// A plot that is read as a whole: on a narrow screen its words grow, and it does not.
pub(super) fn fitted(plot: Markup) -> Markup {
    tag("div", &[("class", "fit")], plot)
}

fn listed(attributes: &[(&str, &str)]) -> String {
    attributes.iter().map(|(name, value)| format!(" {name}=\"{}\"", escaped(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_never_tags_and_never_end_an_attribute() {
        let hostile = "</p><script>\"'&";
        let written = tag("p", &[("title", hostile)], hostile).to_string();
        assert_eq!(
            written,
            "<p title=\"&lt;/p&gt;&lt;script&gt;&quot;&#39;&amp;\">&lt;/p&gt;&lt;script&gt;&quot;&#39;&amp;</p>"
        );
        assert_eq!(shape("circle", &[("r", "2")], "").to_string(), "<circle r=\"2\"/>");
        assert_eq!(section("a", ""), Markup::default());
    }
}

//! Lists that come in pages, whole or not at all.
//!
//! The SDK's own paginators end silently at a repeated token, that is with a shorter list.

use std::collections::HashSet;
use std::future::Future;

use planner::ports::Answer;
use planner::{CloudError, Failure};

use super::failure::PAGING;

/// More pages than any list of ours can have: 1,000 items a page, and an account holds fewer instances than this allows.
const MOST_PAGES: usize = 500;

/// One page: its items and the token of the next one.
pub(crate) type Page<T> = (Vec<T>, Option<String>);

/// All items of all pages. `page` gets the token of the page to fetch.
///
/// *Guarantees*: an answer holds every page up to one without a next token.
/// *Errors*: what `page` fails with; `Unreachable` when a token repeats or the pages do not end.
pub(crate) async fn all<T, P, F>(mut page: P) -> Answer<Vec<T>>
where
    P: FnMut(Option<String>) -> F + Send,
    F: Future<Output = Answer<Page<T>>> + Send,
{
    let mut items = Vec::new();
    let mut seen = HashSet::new();
    let mut token = None;
    for _ in 0..MOST_PAGES {
        let (more, next) = page(token).await?;
        items.extend(more);
        // EC2 ends a list with an empty token as often as with none.
        let Some(next) = next.filter(|next| !next.is_empty()) else { return Ok(items) };
        if !seen.insert(next.clone()) {
            return Err(endless("a page token came twice"));
        }
        token = Some(next);
    }
    Err(endless("the list did not end after 500 pages"))
}

fn endless(why: &str) -> CloudError {
    CloudError::new(Failure::Unreachable, PAGING, why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(
        tokens: &'static [Option<&'static str>],
    ) -> impl FnMut(Option<String>) -> std::future::Ready<Answer<Page<usize>>> {
        let mut at = 0;
        move |token| {
            assert_eq!(token.as_deref(), if at == 0 { None } else { tokens[at - 1] }, "page {at}");
            at += 1;
            std::future::ready(Ok((vec![at], tokens[at - 1].map(str::to_owned))))
        }
    }

    #[tokio::test]
    async fn every_page_is_read() {
        assert_eq!(all(script(&[None])).await.unwrap(), [1]);
        assert_eq!(all(script(&[Some("a"), Some("b"), Some("")])).await.unwrap(), [1, 2, 3]);
    }

    #[tokio::test]
    async fn a_repeated_token_is_no_list() {
        for tokens in [&[Some("a"), Some("a"), None][..], &[Some("a"), Some("b"), Some("a"), None]] {
            let error = all(script(tokens)).await.unwrap_err();
            assert_eq!((error.failure, error.code.as_str()), (Failure::Unreachable, PAGING));
        }
    }

    #[tokio::test]
    async fn a_list_without_end_is_no_list() {
        let mut at = 0;
        let error = all(|_| {
            at += 1;
            std::future::ready(Ok((vec![()], Some(format!("t{at}")))))
        })
        .await
        .unwrap_err();
        assert_eq!(error.code, PAGING);
        assert_eq!(at, MOST_PAGES);
    }
}

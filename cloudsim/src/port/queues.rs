//! Queues.

use std::sync::Arc;

use planner::ports::{Answer, QUEUE_PREFIX, Queue, QueueRequest, Queues};
use planner::{CloudError, Failure};

use super::SharedSim;
use crate::engine::query::PageRequest;
use crate::sim::Call;
use crate::sqs::{self, About, Action, CreateQueue, NO_QUEUE};

impl Queues for SharedSim {
    async fn queues(&self) -> Answer<Vec<Queue>> {
        let mut queues = Vec::new();
        for name in self.queue_names()? {
            let (call, asked) = (Call::about(About::Queue(Action::ListQueueTags, name.clone())), name.clone());
            match self.call(call, move |sim, now| sim.sqs(now).list_queue_tags(&asked)) {
                Ok(tags) => queues.push(Queue { url: self.queue_url(&name), name, tags }),
                Err(error) if error.code == NO_QUEUE => (),
                Err(error) => return Err(error),
            }
        }
        Ok(queues)
    }

    async fn create_queue(&self, request: &QueueRequest) -> Answer<()> {
        CloudError::too_late(request.not_after, self.now())?;
        let request = Arc::new(CreateQueue {
            name: request.name.clone(),
            attributes: request.attributes.clone(),
            tags: request.tags.clone(),
        });
        let call = Call::about(About::NewQueue(request.clone()));
        self.call(call, move |sim, now| sim.sqs(now).create_queue(&request)).map(drop)
    }

    async fn delete_queue(&self, url: &str) -> Answer<()> {
        let account = self.lock().settings().account.clone();
        let name = match sqs::queue_name(url, &account) {
            Err(error) if error.code == NO_QUEUE => return Ok(()),
            name => name?,
        };
        let call = Call::about(About::Queue(Action::DeleteQueue, name.clone()));
        match self.call(call, move |sim, now| sim.sqs(now).delete_queue(&name)) {
            Err(error) if error.code == NO_QUEUE => Ok(()),
            answer => answer,
        }
    }
}

impl SharedSim {
    /// Names of all queues that begin as ours do, from all pages. A page that comes twice is an error, not an end.
    fn queue_names(&self) -> Answer<Vec<String>> {
        /// SQS's largest page; without a size there would be no token of a next one.
        const PAGE_SIZE: usize = 1_000;
        let mut names = Vec::new();
        let mut page = PageRequest { max_results: Some(PAGE_SIZE), next_token: None };
        loop {
            let asked = page.clone();
            let call = Call::new(Action::ListQueues);
            let found = self.call(call, move |sim, now| sim.sqs(now).list_queues(QUEUE_PREFIX, &asked))?;
            names.extend(found.items);
            let Some(token) = found.next_token else { return Ok(names) };
            if page.next_token.as_ref() == Some(&token) {
                return Err(CloudError::new(Failure::Unreachable, "RepeatedPage", "the same page token came twice"));
            }
            page.next_token = Some(token);
        }
    }

    fn queue_url(&self, name: &str) -> String {
        let sim = self.lock();
        sqs::queue_url(&sim.settings().region, &sim.settings().account, name)
    }
}

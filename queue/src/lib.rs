//! A tier behind queues: the front that takes requests and the puller that has a worker answer them.

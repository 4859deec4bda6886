//! What many callers ask of the database at once goes there together: a statement for all of them,
//! a commit for all of them. Nobody waits for company; while one batch is under way, the next
//! gathers.

use std::fmt;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::StoreError;
use super::patience;
use super::statement::MAX_ROWS;

/// How many questions a batch takes: what one statement can answer.
const MAX_BATCH: usize = MAX_ROWS;

/// How many more may wait before those who ask wait to ask.
const MAX_WAITING: usize = 1024;

/// What answers a batch.
pub(super) trait Together: Send + Sync + 'static {
    type Question: Send + Sync + 'static;
    type Answer: Send + 'static;

    /// An answer to each question, in their order. Fails as a whole where the database does.
    fn answer(
        &self,
        questions: &[Self::Question],
    ) -> impl Future<Output = Result<Vec<Result<Self::Answer, StoreError>>, StoreError>> + Send;
}

/// The way to a task that answers batch after batch; it ends with the last of its handles.
pub(super) struct Batches<T: Together> {
    queue: mpsc::Sender<Asked<T>>,
}

struct Asked<T: Together> {
    question: T::Question,
    reply: oneshot::Sender<Result<T::Answer, StoreError>>,
}

impl<T: Together> Batches<T> {
    /// Starts the task on the present runtime.
    pub(super) fn start(together: T) -> Self {
        let (queue, waiting) = mpsc::channel(MAX_WAITING);
        tokio::spawn(serve(together, waiting));
        Self { queue }
    }

    /// The answer, once the batch with this question has been answered.
    pub(super) async fn ask(&self, question: T::Question) -> Result<T::Answer, StoreError> {
        let (reply, answer) = oneshot::channel();
        let asked = Asked { question, reply };
        // Waits where the queue is full, so that a slow database slows its callers and does not fill
        // the memory.
        self.queue.send(asked).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

impl<T: Together> Clone for Batches<T> {
    fn clone(&self) -> Self {
        Self {
            queue: self.queue.clone(),
        }
    }
}

impl<T: Together> fmt::Debug for Batches<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Batches(..)")
    }
}

/// The task has gone with its runtime.
fn stopped() -> StoreError {
    sqlx::Error::PoolClosed.into()
}

async fn serve<T: Together>(together: T, mut waiting: mpsc::Receiver<Asked<T>>) {
    let mut batch = Vec::with_capacity(MAX_BATCH);
    // One batch at a time: what comes while the database works gathers, so that the batches grow with
    // the load and nobody waits for a timer.
    while waiting.recv_many(&mut batch, MAX_BATCH).await > 0 {
        gather(&mut waiting, &mut batch).await;
        let (questions, replies): (Vec<_>, Vec<_>) = batch
            .drain(..)
            .map(|Asked { question, reply }| (question, reply))
            .unzip();
        // Whoever is in this batch gets an error in the end, but those behind it must not wait for a
        // connection that has died.
        let answering = tokio::time::timeout(patience::BATCH, together.answer(&questions));
        let answers = answering
            .await
            .unwrap_or_else(|_| Err(StoreError::Silent(patience::BATCH)));
        match answers {
            Ok(answers) => {
                for (reply, answer) in replies.into_iter().zip(answers) {
                    // Whoever asked may have gone.
                    let _ = reply.send(answer);
                }
            }
            Err(error) => {
                // Shared, because an error of the driver cannot be cloned.
                let error = Arc::new(error);
                for reply in replies {
                    let _ = reply.send(Err(StoreError::Together(Arc::clone(&error))));
                }
            }
        }
    }
}

/// Takes whoever else is about to ask. Callers that were answered together come back within one turn
/// of the runtime, one by one: the first of them must not go alone and have the rest wait for it.
async fn gather<T: Together>(waiting: &mut mpsc::Receiver<Asked<T>>, batch: &mut Vec<Asked<T>>) {
    loop {
        let before = batch.len();
        tokio::task::yield_now().await;
        while batch.len() < MAX_BATCH {
            let Ok(asked) = waiting.try_recv() else { break };
            batch.push(asked);
        }
        if batch.len() == before || batch.len() == MAX_BATCH {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Doubles; refuses odd numbers one by one, and zero with all who came with it.
    struct Doubles;

    impl Together for Doubles {
        type Question = u32;
        type Answer = u32;

        async fn answer(
            &self,
            questions: &[u32],
        ) -> Result<Vec<Result<u32, StoreError>>, StoreError> {
            // The others gather meanwhile.
            tokio::task::yield_now().await;
            if questions.contains(&0) {
                return Err(StoreError::Unreadable("zero"));
            }
            let answer = |number: &u32| match number % 2 {
                0 => Ok(number * 2),
                _ => Err(StoreError::Unreadable("odd number")),
            };
            Ok(questions.iter().map(answer).collect())
        }
    }

    #[tokio::test]
    async fn everybody_gets_the_answer_to_the_own_question() {
        let batches = Batches::start(Doubles);
        let asked = (1..300).map(|number| batches.ask(number));
        let answers = futures_util::future::join_all(asked).await;
        for (number, answer) in (1..300).zip(answers) {
            assert_eq!(answer.ok(), (number % 2 == 0).then_some(number * 2));
        }
        let failed = batches.ask(0).await.unwrap_err();
        assert!(failed.to_string().contains("unreadable zero"), "{failed}");
        assert_eq!(batches.ask(4).await.unwrap(), 8, "it goes on");
    }
}

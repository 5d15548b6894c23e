//! Running a statement that is no transaction's.

use tradebase_core::Result;
use tradebase_core::clock::Tick;

use super::super::recipe::{self, Note, Step, Unit};
use super::super::resume::{self, Before, Found};
use super::super::words::Words;
use super::{Fault, Runner, pause};

impl Runner<'_> {
    /// Runs a statement that is no transaction's. Before it the history notes that it has begun:
    /// after a kill it is examined how far it came. That it is done is noted by the next unit.
    pub(super) async fn alone(
        &mut self,
        step: &Step<'_>,
        at: usize,
        begun: Tick,
    ) -> Result<(), Fault> {
        let mut before = step.before(at);
        let mut attempt = 1;
        loop {
            let ran = self.alone_once(step, at, &mut before, begun).await;
            let Err(fault) = ran else { return Ok(()) };
            pause(self.options, attempt, fault).await?;
            attempt += 1;
        }
    }

    async fn alone_once(
        &mut self,
        step: &Step<'_>,
        at: usize,
        before: &mut Before,
        begun: Tick,
    ) -> Result<(), Fault> {
        let Some(statement) = step.statements.get(at) else { return Ok(()) };
        self.tell(at);
        let words = step.words(statement);
        let placed = |error| Fault { error, statement: Some(at), what: "" };
        let found = resume::examine(&mut self.connection, &words, *before).await;
        let (first, text) = match found.map_err(placed)? {
            Found::Done => return Ok(()),
            // The engine refuses it, and nothing has begun.
            Found::Refused => return self.statement(step, at).await,
            Found::Missing => (None, statement.text.clone()),
            Found::Broken { first } => (Some(first), statement.text.clone()),
            Found::Half { instead } => (None, instead),
        };
        self.noted(step, Note::Progress(at, at + 1), begun).await?;
        *before = Before::Begun;
        let Err(error) = self.run_alone(&words, first, text).await else {
            return resume::prove(&mut self.connection, &words).await.map_err(placed);
        };
        // Where nothing of ours is left, what somebody else makes of that name is not ours later.
        if resume::has_left_nothing(&mut self.connection, &words, &error).await
            && self.noted(step, Note::Withdrawn(at), begun).await.is_ok()
        {
            *before = Before::Fresh;
        }
        Err(placed(error))
    }

    async fn run_alone(
        &mut self,
        words: &Words<'_>,
        first: Option<String>,
        text: String,
    ) -> Result<()> {
        let [before, after] = match recipe::around(words, self.options) {
            Some([before, after]) => [Some(before), Some(after)],
            None => [None, None],
        };
        let mut ran = Ok(());
        for text in [before, first, Some(text)].into_iter().flatten() {
            if ran.is_ok() {
                ran = self.batch(text).await;
            }
        }
        match after {
            Some(after) => ran.and(self.batch(after).await),
            None => ran,
        }
    }

    async fn noted(&mut self, step: &Step<'_>, note: Note, begun: Tick) -> Result<(), Fault> {
        let unit = Unit { transaction: true, statements: 0..0, note };
        self.unit(step, &unit, begun).await
    }
}

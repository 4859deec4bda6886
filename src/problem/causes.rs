//! The text of an error with everything that it is due to.

use std::error::Error;

/// The error and its causes, without those that the text before them already contains.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        next = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Step {
        text: &'static str,
        source: Option<Box<Step>>,
    }

    #[test]
    fn each_cause_is_told_once() {
        let chain = |texts: &[&'static str]| {
            let step = texts
                .iter()
                .rev()
                .fold(None, |source, text| Some(Box::new(Step { text, source })));
            with_causes(&*step.unwrap())
        };
        assert_eq!(chain(&["no answer"]), "no answer");
        let told = chain(&["no answer", "the connection broke", "reset by peer"]);
        assert_eq!(told, "no answer: the connection broke: reset by peer");
        assert_eq!(
            chain(&["no answer: reset", "reset", ""]),
            "no answer: reset"
        );
    }
}

//! What a card tells, and how many points that is worth.

use std::fmt;

use hookbox_sdk::hub::{Card, RepoKind};

/// How a score is told: it is read again from the text.
const SCORE: &str = "Metadata score: **";

/// Signs of a description that count in full, and half.
const SIGNS: (usize, usize) = (500, 100);

/// What is asked of a card: a key, its points, and what it is good for.
type Question = (&'static str, u32, &'static str);

/// (docs: "Model cards", the keys that pages and filters are made from)
const MODEL: [Question; 7] = [
    ("license", 20, "whether and how it may be used"),
    (
        "pipeline_tag",
        15,
        "the task: it decides the widget and the filter",
    ),
    ("library_name", 10, "what loads it"),
    ("base_model", 10, "what it was made from"),
    ("datasets", 10, "what it was trained on"),
    ("language", 10, "the languages that it knows"),
    ("tags", 5, "what else it is found by"),
];

/// (docs: "Dataset cards", the keys that pages and filters are made from)
const DATASET: [Question; 6] = [
    ("license", 20, "whether and how it may be used"),
    ("task_categories", 15, "the tasks that it is for"),
    ("language", 15, "the languages of its texts"),
    ("size_categories", 10, "how large it is"),
    ("pretty_name", 5, "its name for people"),
    ("tags", 5, "what else it is found by"),
];

/// A card's review.
#[derive(Debug, PartialEq, Eq)]
pub struct Review {
    guide: &'static str,
    rows: Vec<Row>,
}

#[derive(Debug, PartialEq, Eq)]
struct Row {
    name: String,
    what: &'static str,
    points: u32,
    of: u32,
}

impl Review {
    /// Reviews a card.
    pub fn new(kind: RepoKind, readme: &str) -> Review {
        let card = Card::parse(readme);
        let (guide, questions): (_, &[Question]) = match kind {
            RepoKind::Dataset => ("datasets-cards", &DATASET),
            RepoKind::Model | RepoKind::Space => ("model-cards", &MODEL),
        };
        let row = |(key, of, what): &Question| Row {
            name: format!("`{key}`"),
            what,
            points: if card.has(key) { *of } else { 0 },
            of: *of,
        };
        let mut rows: Vec<_> = questions.iter().map(row).collect();
        // What is left to a hundred.
        let of = 100u32.saturating_sub(rows.iter().map(|row| row.of).sum());
        let signs = signs(card.description());
        rows.push(Row {
            name: "description".to_owned(),
            what: "what it is, in 500 characters or more",
            points: match signs {
                full if full >= SIGNS.0 => of,
                half if half >= SIGNS.1 => of / 2,
                _ => 0,
            },
            of,
        });
        Review { guide, rows }
    }

    /// Its points of a hundred.
    pub fn score(&self) -> u32 {
        self.rows.iter().map(|row| row.points).sum()
    }
}

/// The score that a review told.
pub fn told(text: &str) -> Option<u32> {
    let (_, rest) = text.split_once(SCORE)?;
    let (score, _) = rest.split_once(' ')?;
    score.parse().ok()
}

/// How much a description says: its signs without space, headings, comments, and what a template leaves to fill in.
fn signs(description: &str) -> usize {
    let says = |line: &&str| {
        let line = line.trim_start();
        !line.starts_with(['#', '<']) && !line.contains("[More Information Needed]")
    };
    let lines = description.lines().filter(says);
    let signs = lines.flat_map(str::chars);
    signs.filter(|sign| !sign.is_whitespace()).count()
}

/// The review as Markdown. It repeats nothing of the card: whatever stands there is the text of others.
impl fmt::Display for Review {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{SCORE}{} of 100**\n", self.score())?;
        writeln!(f, "| | | points |\n|---|---|---|")?;
        for Row {
            name,
            what,
            points,
            of,
        } in &self.rows
        {
            let sign = match points {
                0 => "❌",
                some if some < of => "➖",
                _ => "✅",
            };
            writeln!(f, "| {sign} {name} | {what} | {points} of {of} |")?;
        }
        let guide = self.guide;
        writeln!(
            f,
            "\nThe metadata stand at the top of `README.md`: see the [guide](https://huggingface.co/docs/hub/{guide}). \
             When the score changes, a comment here tells it; closing this ends that."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(kind: RepoKind, readme: &str) -> u32 {
        Review::new(kind, readme).score()
    }

    #[test]
    fn what_a_card_has_counts_up_to_a_hundred() {
        let words = "word ".repeat(125);
        let model = "license: mit\npipeline_tag: x\nlibrary_name: x\nbase_model: x\ndatasets: [x]\nlanguage: en\ntags: [x]";
        let full = format!("---\n{model}\n---\n{words}");
        assert_eq!(score(RepoKind::Model, &full), 100);
        assert_eq!(score(RepoKind::Dataset, &full), 70);
        assert_eq!(score(RepoKind::Model, ""), 0);
        assert_eq!(
            score(RepoKind::Model, "---\nlicense: mit\nlanguage:\n---\n"),
            20
        );
        let dataset = "license: x\ntask_categories: x\nlanguage: x\nsize_categories: x\npretty_name: x\ntags: x";
        let half = format!("---\n{dataset}\n---\n{}", "word ".repeat(25));
        assert_eq!(score(RepoKind::Dataset, &half), 85);
    }

    #[test]
    fn a_template_that_nobody_filled_in_says_nothing() {
        let template =
            "# Model Card for Model ID\n<!-- a long comment -->\n[More Information Needed]\n"
                .repeat(100);
        assert_eq!(signs(&template), 0);
        assert_eq!(signs("# Reviews\nA text.\n"), 6);
    }

    #[test]
    fn a_score_is_read_from_the_text_that_tells_it() {
        let review = Review::new(RepoKind::Dataset, "---\nlicense: mit\n---\n");
        assert_eq!(told(&review.to_string()), Some(20));
        for none in [
            "",
            "Metadata score: **",
            "Metadata score: **x of 100**",
            "20 of 100",
        ] {
            assert_eq!(told(none), None);
        }
    }

    #[test]
    fn nothing_of_a_card_is_repeated() {
        let hostile =
            "---\nlicense: '@everyone | <script>'\nlanguage: '@here'\n---\n@all [x](javascript:y)";
        let text = Review::new(RepoKind::Model, hostile).to_string();
        assert!(!text.contains('@') && !text.contains("<script"), "{text}");
    }
}

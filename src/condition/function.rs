//! The functions and methods that conditions may call.

/// A function or a method; [`Function::of_name`] says which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Size,
    Int,
    Text,
    Timestamp,
    Duration,
    StartsWith,
    EndsWith,
    Contains,
    Matches,
    LowerAscii,
    Split,
    Time(TimePart),
}

/// What a timestamp is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimePart {
    FullYear,
    /// January is 0.
    Month,
    /// The first day of the month is 1.
    Date,
    /// Sunday is 0.
    DayOfWeek,
    Hours,
    Minutes,
}

/// How something is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `size(x)`
    Global,
    /// `x.size()`
    Method,
}

/// Name, form, function, and how many arguments at least and at most, the receiver not counted.
const FUNCTIONS: [(&str, Form, Function, (usize, usize)); 18] = [
    ("size", Form::Global, Function::Size, (1, 1)),
    ("int", Form::Global, Function::Int, (1, 1)),
    ("string", Form::Global, Function::Text, (1, 1)),
    ("timestamp", Form::Global, Function::Timestamp, (1, 1)),
    ("duration", Form::Global, Function::Duration, (1, 1)),
    ("size", Form::Method, Function::Size, (0, 0)),
    ("startsWith", Form::Method, Function::StartsWith, (1, 1)),
    ("endsWith", Form::Method, Function::EndsWith, (1, 1)),
    ("contains", Form::Method, Function::Contains, (1, 1)),
    ("matches", Form::Method, Function::Matches, (1, 1)),
    ("lowerAscii", Form::Method, Function::LowerAscii, (0, 0)),
    ("split", Form::Method, Function::Split, (1, 1)),
    (
        "getFullYear",
        Form::Method,
        Function::Time(TimePart::FullYear),
        (0, 1),
    ),
    (
        "getMonth",
        Form::Method,
        Function::Time(TimePart::Month),
        (0, 1),
    ),
    (
        "getDate",
        Form::Method,
        Function::Time(TimePart::Date),
        (0, 1),
    ),
    (
        "getDayOfWeek",
        Form::Method,
        Function::Time(TimePart::DayOfWeek),
        (0, 1),
    ),
    (
        "getHours",
        Form::Method,
        Function::Time(TimePart::Hours),
        (0, 1),
    ),
    (
        "getMinutes",
        Form::Method,
        Function::Time(TimePart::Minutes),
        (0, 1),
    ),
];

/// What CEL and its extensions have beyond this, so that the message can say so.
const UNSUPPORTED: [&str; 36] = [
    "bool",
    "bytes",
    "charAt",
    "double",
    "dyn",
    "exists_one",
    "existsOne",
    "filter",
    "format",
    "getDayOfMonth",
    "getDayOfYear",
    "getMilliseconds",
    "getSeconds",
    "hasValue",
    "indexOf",
    "isIP",
    "ip",
    "cidr",
    "join",
    "lastIndexOf",
    "map",
    "optional",
    "or",
    "orValue",
    "quote",
    "replace",
    "reverse",
    "sort",
    "substring",
    "trim",
    "type",
    "uint",
    "upperAscii",
    "url",
    "value",
    "distinct",
];

impl Function {
    /// The function of this name and form, with the least and most number of its arguments.
    pub(super) fn of_name(name: &str, form: Form) -> Option<(Self, (usize, usize))> {
        let mut all = FUNCTIONS.iter();
        let found = all.find(|(known, known_form, ..)| *known == name && *known_form == form)?;
        Some((found.2, found.3))
    }

    pub(super) fn is_unsupported(name: &str) -> bool {
        UNSUPPORTED.contains(&name)
    }

    /// The names of one form, macros included.
    pub(super) fn names(form: Form) -> impl Iterator<Item = &'static str> {
        let macros: &[&str] = match form {
            Form::Global => &["has"],
            Form::Method => &["exists", "all"],
        };
        let functions = FUNCTIONS
            .iter()
            .filter(move |(_, known, ..)| *known == form);
        functions
            .map(|(name, ..)| *name)
            .chain(macros.iter().copied())
    }

    /// As conditions write it.
    pub(super) fn name(self) -> &'static str {
        let mut all = FUNCTIONS.iter();
        all.find(|(_, _, function, _)| *function == self)
            .map_or("", |(name, ..)| name)
    }
}

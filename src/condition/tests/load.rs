//! What is wrong with a condition is told when it is loaded: where, what, and how to fix it.

use insta::assert_snapshot;

use super::Scene;
use crate::condition::{ClaimTypes, Type};

/// Everything wrong with each of these.
fn problems(texts: &[&str]) -> String {
    let mut claims = ClaimTypes::default();
    claims.declare("groups", Type::List(Box::new(Type::Text)));
    claims.declare("level", Type::Int);
    let scene = Scene::new();
    let told = texts.iter().map(|text| match scene.compile(text, &claims) {
        Ok(_) => format!("{text}\n  LOADS"),
        Err(problems) => problems,
    });
    told.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_not_a_condition() {
    assert_snapshot!(problems(&[
        "", "  // nothing", "token.sub = path.user_id", "token.sub == ", "a & b", "a and b", "not a", "true)", "(true",
        "token.sub == \u{201c}alice\u{201d}", "token.sub == 'alice", "token.sub == \"a\\x41\"", "\"\"\"a\"\"\" == token.sub",
        "1 < 2 < 3", "token.exp > 12abc", "token.exp > 99999999999999999999", "token.exp == 9223372036854775808",
        "1e999 > 1.0", "token.in == 1", "token.sub == package", "token.sub == for", "[1 2] == []", "token.sub == \"a\nb\"",
    ]), @r##"
    ""
      when:1:1: the condition is empty; help: write what must hold, such as `token.sub == path.user_id`, or remove it
    " "
      when:1:1: the condition is empty; help: write what must hold, such as `token.sub == path.user_id`, or remove it
    "="
      when:1:11: unexpected character `=`; help: write `==` to compare
    ""
      when:1:14: the condition ends too early; help: expected a value
    "&"
      when:1:3: unexpected character `&`; help: write `&&` for "and"
    "and"
      when:1:3: unexpected `and`; help: write `&&` for "and"
    "a"
      when:1:5: unexpected `a`; help: expected an operator, or the end of the condition
    ")"
      when:1:5: unexpected `)`; help: expected an operator, or the end of the condition
    ""
      when:1:6: the condition ends too early; help: expected `)`
    "“"
      when:1:14: unexpected character `“`; help: write straight quotation marks, `"` or `'`
    "'alice"
      when:1:14: the text does not end; help: write the same quotation mark at its end
    "\\x"
      when:1:16: unknown escape in the text; help: write one of \\ \" \' \n \r \t \uXXXX, or `r"..."` for a text in which a backslash stands for itself
    "\""
      when:1:1: texts over several lines are not supported; help: write one quotation mark, and `\n` for the end of a line
    "<"
      when:1:7: comparisons cannot follow each other; help: write `a < b && b < c`, or parentheses around one of the two
    "12abc"
      when:1:13: the number is followed by letters; help: write a space or an operator between them, or quotation marks around a text
    "99999999999999999999"
      when:1:13: the integer is out of range; help: integers go from -9223372036854775808 to 9223372036854775807
    "9223372036854775808"
      when:1:14: the integer is out of range; help: integers go from -9223372036854775808 to 9223372036854775807
    "1e999"
      when:1:1: the number is too large; help: write a smaller number
    "in"
      when:1:7: unexpected `in`; help: the word is reserved; write it as a key, such as `token["package"]`
    "package"
      when:1:14: unexpected `package`; help: the word is reserved; write it as a key, such as `token["package"]`
    "for"
      when:1:14: unexpected `for`; help: the word is reserved; write it as a key, such as `token["package"]`
    "2"
      when:1:4: unexpected number; help: expected `,` or `]`
    "\"a\n"
      when:1:14: the text does not end; help: write the same quotation mark at its end
    "##);
}

#[test]
fn what_cel_has_and_conditions_do_not() {
    assert_snapshot!(problems(&[
        "token.level == 3u", "token.sub == b\"alice\"", "{\"a\": 1}.a == 1", "token.groups.map(g, g + \"x\") == []",
        "token.groups.filter(g, true).size() > 0", "token.groups.exists_one(g, g == \"a\")", "type(token.sub) == string",
        "dyn(1) == 1", "request.headers[?\"x\"].orValue(\"\") == \"\"", "token.?sub == \"a\"", "Message{a: 1} == 1",
        "token.groups.exists(i, g, g == \"a\")", "now.getHours(\"Europe/Berlin\") > 9", "now.getSeconds() == 1",
        "token.sub.matches(token.email)", "string(1.5) == \"1.5\"", "`token` == 1", ".token == 1", "double(token.level) > 1.0",
    ]), @r##"
    "3u"
      when:1:16: unsigned integers are not supported; help: write the number without the `u`
    "b"
      when:1:14: bytes are not supported; help: write a text: remove the `b`
    "{"
      when:1:1: maps are not supported; help: compare the parts one by one
    "map"
      when:1:14: the method `map` is not supported; help: conditions have `size`, `startsWith`, `endsWith`, `contains`, `matches`, `lowerAscii`, `split`, `getFullYear`, `getMonth`, `getDate`, `getDayOfWeek`, `getHours`, `getMinutes`, `exists`, `all`
    "filter"
      when:1:14: the method `filter` is not supported; help: conditions have `size`, `startsWith`, `endsWith`, `contains`, `matches`, `lowerAscii`, `split`, `getFullYear`, `getMonth`, `getDate`, `getDayOfWeek`, `getHours`, `getMinutes`, `exists`, `all`
    "exists_one"
      when:1:14: the method `exists_one` is not supported; help: conditions have `size`, `startsWith`, `endsWith`, `contains`, `matches`, `lowerAscii`, `split`, `getFullYear`, `getMonth`, `getDate`, `getDayOfWeek`, `getHours`, `getMinutes`, `exists`, `all`
    "type"
      when:1:1: the function `type` is not supported; help: conditions have `size`, `int`, `string`, `timestamp`, `duration`, `has`
    "dyn"
      when:1:1: the function `dyn` is not supported; help: conditions have `size`, `int`, `string`, `timestamp`, `duration`, `has`
    "?"
      when:1:17: optional values are not supported; help: test first: `"name" in request.headers && request.headers["name"] == ...`, or `has(token.name) && ...`
    "?"
      when:1:7: optional values are not supported; help: test first: `"name" in request.headers && request.headers["name"] == ...`, or `has(token.name) && ...`
    "{"
      when:1:8: messages are not supported; help: compare the parts one by one
    "token.groups.exists(i, g, g == \"a\")"
      when:1:1: `exists` takes a name and a condition; help: write `list.exists(item, item == "...")`
    "\"Europe/Berlin\""
      when:1:14: the time zone is not a fixed offset; help: write an offset from UTC as a literal text, such as `"+02:00"`; it does not follow daylight saving time
    "getSeconds"
      when:1:5: the method `getSeconds` is not supported; help: conditions have `size`, `startsWith`, `endsWith`, `contains`, `matches`, `lowerAscii`, `split`, `getFullYear`, `getMonth`, `getDate`, `getDayOfWeek`, `getHours`, `getMinutes`, `exists`, `all`
    "token.email"
      when:1:19: the pattern of `matches` is not a literal text; help: write the pattern in quotation marks; to compare two values, use `==`, `startsWith` or `contains`
    "1.5"
      when:1:8: `string` does not apply to a value of type double; help: it takes a text, an integer, a bool, a timestamp or a duration
    "`"
      when:1:1: unexpected character ```; help: write a name with special characters as `token["name"]`
    "."
      when:1:1: unexpected `.`; help: expected a value
    "double"
      when:1:1: the function `double` is not supported; help: conditions have `size`, `int`, `string`, `timestamp`, `duration`, `has`
    "##);
}

#[test]
fn names_that_do_not_exist() {
    assert_snapshot!(problems(&[
        "tokn.sub == \"a\"", "user == \"a\"", "alice == token.sub", "path.user_idd == token.sub", "path.name == token.sub",
        "request.metod == \"GET\"", "request.source.ip == \"::1\"", "request.headers[\"X-Region\"] == \"eu\"",
        "request.headers[\":path\"] == \"/\"", "request.headers[token.sub] == \"eu\"", "token[path.user_id] == 1",
        "request.headers == []", "size(token) == 1", "request.source == \"::1\"", "token.groups.exists(token, token == 1)",
        "token.groups.exists(g, token.groups.exists(g, g == \"a\"))", "token.sub.startswith(\"a\")", "lenght(token.sub) == 1",
        "has(token)", "has(token.sub, 1)", "has(token[\"sub\"])", "token.sub.startsWith(\"a\", 1)", "size() == 1",
    ]), @r##"
    "tokn"
      when:1:1: unknown variable `tokn`; help: did you mean `token`?
    "user"
      when:1:1: unknown variable `user`; help: conditions know `token`, `path`, `request`, `issuer`, `now`; a text is written in quotation marks
    "alice"
      when:1:1: unknown variable `alice`; help: conditions know `token`, `path`, `request`, `issuer`, `now`; a text is written in quotation marks
    "user_idd"
      when:1:6: the path of the route has no parameter `user_idd`; help: did you mean `path.user_id`?
    "name"
      when:1:6: the path of the route has no parameter `name`; help: it has `path.order_id`, `path.tenant`, `path.user_id`
    "metod"
      when:1:9: `request` has no field `metod`; help: did you mean `request.method`?
    "ip"
      when:1:16: `request.source` has no field `ip`; help: it has `address`, `principal`
    "\"X-Region\""
      when:1:17: the header name `X-Region` has upper-case letters; help: write `x-region`
    "\":path\""
      when:1:17: `:path` is not the name of a header; help: write `request.path`
    "token.sub"
      when:1:17: the key of `request.headers` is not a literal text; help: name it, such as `request.headers["x-region"]`
    "path.user_id"
      when:1:7: the key of `token` is not a literal text; help: name it, such as `token.sub`
    "headers"
      when:1:9: `request.headers` is not a value by itself; help: name a field of it, such as `request.headers["x-region"]`
    "token"
      when:1:6: `token` is not a value by itself; help: name a field of it, such as `token.sub`
    "source"
      when:1:9: `request.source` is not a value by itself; help: name a field of it, such as `request.source.address`
    "token"
      when:1:21: the name `token` means something else already; help: choose another name
    "token == 1"
      when:1:28: a value of type string never equals one of type int; help: convert the text with `int(...)`, or put the number in quotation marks
    "g"
      when:1:44: the name `g` means something else already; help: choose another name
    "startswith"
      when:1:11: unknown method `startswith`; help: did you mean `startsWith`?
    "lenght"
      when:1:1: unknown function `lenght`; help: conditions have `size`, `int`, `string`, `timestamp`, `duration`, `has`
    "has(token)"
      when:1:1: `has` takes one field, such as `has(token.email)`; help: for any other key, write `"key" in token` or `"name" in request.headers`
    "has(token.sub, 1)"
      when:1:1: `has` takes one field, such as `has(token.email)`; help: for any other key, write `"key" in token` or `"name" in request.headers`
    "has(token[\"sub\"])"
      when:1:1: `has` takes one field, such as `has(token.email)`; help: for any other key, write `"key" in token` or `"name" in request.headers`
    "token.sub.startsWith(\"a\", 1)"
      when:1:1: `startsWith` takes one argument; help: it has 2 here
    "size()"
      when:1:1: `size` takes one argument; help: it has 0 here
    "##);
}

#[test]
fn types_that_do_not_go_together() {
    assert_snapshot!(problems(&[
        "token.sub", "token.exp && true", "!token.sub", "token.sub == 5", "token.sub == null", "\"a\" in token.sub", "1 in token.groups",
        "token.groups == \"admin\"", "token.groups.contains(\"admin\")", "token.level == \"3\"", "token.level > \"3\"",
        "token.exp < now", "now - timestamp(token.iat) < \"15m\"", "now - token.iat < 900", "token.sub + 1 == \"a1\"", "1 + 1.5 == 2.5",
        "request.size % 2.0 == 0.0", "-token.sub == 1", "[1, 2] < [3]", "token.sub[0] == \"a\"", "token.groups[\"a\"] == \"a\"",
        "token.sub.name == 1", "token.level.exists(x, x == 1)", "token.level.getHours() == 1", "int(true) == 1", "duration(15) > duration(\"1s\")",
        "now > timestamp(\"2027-01-01\")", "now - now > duration(\"1d\")", "request.path.matches(\"(a\")", "request.path.matches(r\"\\bx\\B\")",
        "request.path.matches(\"(?x) a\")", "token.sub ? true : false", "(token.level == \"3\") || tokn.a || path.b == \"c\"",
    ]), @r##"
    "token.sub"
      when:1:1: a condition needs true or false, and this is of type string; help: compare it with a value, such as `== "..."`
    "token.exp"
      when:1:1: `&&` needs true or false, and this is of type int; help: compare it with a value, such as `== "..."`
    "token.sub"
      when:1:2: `!` needs true or false, and this is of type string; help: compare it with a value, such as `== "..."`
    "token.sub == 5"
      when:1:1: a value of type string never equals one of type int; help: convert the text with `int(...)`, or put the number in quotation marks
    "token.sub == null"
      when:1:1: a value of type string never equals one of type null; help: what is not there is not null; ask with `has(token.name)`
    "token.sub"
      when:1:8: `in` needs a list on its right, and this is of type string; help: write `text.contains("...")`, or `"..." in text.split(" ")`
    "token.groups"
      when:1:6: a list of type string never has an item of type int; help: compare values of one type
    "token.groups == \"admin\""
      when:1:1: a value of type list(string) never equals one of type string; help: for an item of a list, write `"..." in list`
    "token.groups"
      when:1:1: `contains` does not apply to a value of type list(string); help: for an item of a list, write `"..." in list`
    "token.level == \"3\""
      when:1:1: a value of type int never equals one of type string; help: convert the text with `int(...)`, or put the number in quotation marks
    "token.level > \"3\""
      when:1:1: `>` does not compare the types int and string; help: convert the text with `int(...)`
    "token.exp < now"
      when:1:1: `<` does not compare the types int and timestamp; help: write a time as `timestamp("2027-01-01T00:00:00Z")`, a claim as `timestamp(token.exp)`
    "now - timestamp(token.iat) < \"15m\""
      when:1:1: `<` does not compare the types duration and string; help: write a duration as `duration("15m")`
    "now - token.iat"
      when:1:1: `-` does not apply to the types timestamp and int; help: write a duration as `duration("15m")`
    "token.sub + 1"
      when:1:1: `+` does not apply to the types string and int; help: convert the other one with `string(...)`
    "1 + 1.5"
      when:1:1: `+` does not apply to the types int and double; help: write both as integers, or both with a decimal point
    "request.size % 2.0"
      when:1:1: `%` does not apply to the types int and double; help: write both as integers, or both with a decimal point
    "token.sub"
      when:1:2: `-` needs a number, and this is of type string; help: remove the sign
    "[1, 2] < [3]"
      when:1:1: `<` does not compare the types list(int) and list(int); help: compare numbers, texts, timestamps or durations
    "token.sub[0]"
      when:1:1: a value of type string has no items; help: remove what is in brackets
    "\"a\""
      when:1:14: the key is of type string, not int; help: write the position of an item; the first is 0
    "token.sub.name"
      when:1:1: a value of type string has no fields; help: remove the field
    "token.level"
      when:1:1: `exists` needs a list, and this is of type int; help: for one value, write the comparison itself
    "token.level"
      when:1:1: `getHours` does not apply to a value of type int; help: it takes a timestamp, such as `now` or `timestamp(token.iat)`
    "true"
      when:1:5: `int` does not apply to a value of type bool; help: it takes an integer, a double, a text or a timestamp
    "15"
      when:1:10: `duration` does not apply to a value of type int; help: it takes a text, such as `"15m"`
    "\"2027-01-01\""
      when:1:17: `2027-01-01` is not a time; help: write date, time and offset (RFC 3339), such as `"2027-01-01T00:00:00Z"`
    "\"1d\""
      when:1:22: `1d` is not a duration; help: write numbers with `h`, `m`, `s` or `ms`, such as `"1h30m"`; a day is `"24h"`
    "\"(a\""
      when:1:22: the pattern is not a regular expression: unclosed group; help: correct it; a character that has a meaning is written with a backslash before it
    "r\"\\bx\\B\""
      when:1:22: the pattern uses `\B` here, which is not supported; help: write it in another way
    "\"(?x) a\""
      when:1:22: the pattern uses the flag `x`, which is not supported; help: write it in another way
    "token.sub"
      when:1:1: `?` needs true or false, and this is of type string; help: compare it with a value, such as `== "..."`
    "(token.level == \"3\")"
      when:1:1: a value of type int never equals one of type string; help: convert the text with `int(...)`, or put the number in quotation marks
    "tokn"
      when:1:25: unknown variable `tokn`; help: did you mean `token`?
    "b"
      when:1:40: the path of the route has no parameter `b`; help: it has `path.order_id`, `path.tenant`, `path.user_id`
    "##);
}

#[test]
fn what_other_languages_write_has_its_word_here() {
    for (text, help) in [
        ("token.sub.match(\"a\")", "did you mean `matches`?"),
        ("token.sub.starts(\"a\")", "did you mean `startsWith`?"),
        ("token.level \u{2265} 3", "write `>=`"),
        ("token.level \u{2264} 3", "write `<=`"),
        ("token.level \u{2260} 3", "write `!=`"),
    ] {
        let said = problems(&[text]);
        assert!(said.contains(help), "{said}");
    }
}

//! What values of attributes must look like, and their one canonical form.
//!
//! A check looks at one value by itself; whether values make sense together (a gateway and its
//! subnet) is decided in `weft-engine`. The reasons are worded as Neutron words them, because
//! clients print them. Source: chapter 2 of the contract, and `neutron_lib.api.validators`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use rust_openflow::MacAddr;
use serde_json::{Map, Value, json};

/// What a value must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Check {
    /// Anything; for attributes that callers never set.
    Any,
    /// A UUID.
    Uuid,
    /// A text of up to so many characters.
    Text(usize),
    /// The same, or null.
    TextOrNull(usize),
    /// One of these texts.
    Texts(&'static [&'static str]),
    /// A boolean, also as the text or number that means one.
    Bool,
    /// A whole number, also as text.
    Int,
    /// A whole number of at least 0, also as text.
    NonNegative,
    /// One of these numbers, also as text.
    Numbers(&'static [i64]),
    /// A time as answers show it.
    Time,
    /// An Ethernet address of one station.
    Mac,
    /// An IP address or null.
    IpOrNull,
    /// A prefix; host bits are cut off.
    Cidr,
    /// `[{"start", "end"}]`
    Pools,
    /// `[IP address]`
    Nameservers,
    /// `[{"destination", "nexthop"}]`
    HostRoutes,
    /// `[{"subnet_id", "ip_address"}]`, each with one of them or both.
    FixedIps,
    /// `[{"ip_address", "mac_address"}]`, the second optional.
    AddressPairs,
    /// A small object; null is the empty one.
    ObjectOrNull,
}

impl Check {
    /// The canonical form of a value.
    ///
    /// # Errors
    /// Why it is not what it must be, in words.
    pub fn convert(self, value: &Value) -> Result<Value, String> {
        match self {
            Self::Any | Self::Time => Ok(value.clone()),
            Self::Uuid => uuid(value),
            Self::Text(max) => text(value, max),
            Self::TextOrNull(_) if value.is_null() => Ok(Value::Null),
            Self::TextOrNull(max) => text(value, max),
            Self::Texts(allowed) => match value.as_str() {
                Some(given) if allowed.contains(&given) => Ok(value.clone()),
                _ => Err(format!("'{}' is not in {}", plain(value), quoted(allowed))),
            },
            Self::Bool => boolean(&plain(value)).map(Value::Bool),
            Self::Int => int(value).map(Value::from),
            Self::NonNegative => match int(value)? {
                number @ 0.. => Ok(number.into()),
                number => Err(format!("'{number}' should be non-negative")),
            },
            Self::Numbers(allowed) => match int(value) {
                Ok(number) if allowed.contains(&number) => Ok(number.into()),
                _ => Err(format!("'{}' is not in {allowed:?}", plain(value))),
            },
            Self::Mac => mac(value),
            Self::IpOrNull if value.is_null() => Ok(Value::Null),
            Self::IpOrNull => ip(value).map(|ip| json!(ip)),
            Self::Cidr => cidr(value),
            Self::Pools => pools(value),
            Self::Nameservers => nameservers(value),
            Self::HostRoutes => host_routes(value),
            Self::FixedIps => fixed_ips(value),
            Self::AddressPairs => list(value, "address pairs", address_pair),
            Self::ObjectOrNull if value.is_null() => Ok(json!({})),
            Self::ObjectOrNull => match value {
                Value::Object(_) => small(value),
                _ => Err(format!("'{}' is not a dictionary", plain(value))),
            },
        }
    }

    /// The canonical text of a filter's value. What cannot be such a value is kept as it is: it
    /// matches nothing.
    ///
    /// # Errors
    /// A text that means no boolean, in words.
    pub fn filter(self, text: &str) -> Result<String, String> {
        match self {
            Self::Bool => boolean(text).map(|value| value.to_string()),
            _ if text.is_empty() => Ok(String::new()),
            _ => Ok(self
                .convert(&text.into())
                .map_or_else(|_| text.to_owned(), |value| plain(&value))),
        }
    }
}

/// A value as words show it: texts without quotes, the rest as JSON.
#[must_use]
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Names as Neutron shows them: `['a', 'b']`.
#[must_use]
pub fn quoted(names: &[&str]) -> String {
    format!("['{}']", names.join("', '"))
}

/// How long an object may be as text: what the database of ML2 holds of a `binding:profile`.
const MAX_OBJECT: usize = 4095;

/// How deep an object may be. What is read back from the log stands some levels deeper there than
/// it stood in the request, and JSON is read to 127 levels only.
const MAX_DEPTH: usize = 32;

/// Refuses objects that are long or deep.
fn small(value: &Value) -> Result<Value, String> {
    fn within(value: &Value, depth: usize) -> bool {
        match value {
            Value::Array(items) => depth > 0 && items.iter().all(|item| within(item, depth - 1)),
            Value::Object(members) => {
                depth > 0 && members.values().all(|member| within(member, depth - 1))
            }
            _ => true,
        }
    }
    if !within(value, MAX_DEPTH) {
        return Err("value too deep".to_owned());
    }
    if value.to_string().len() > MAX_OBJECT {
        return Err("value too large".to_owned());
    }
    storable(value)
}

/// Refuses the one character that databases cannot store, anywhere in a value.
fn storable(value: &Value) -> Result<Value, String> {
    fn sound(value: &Value) -> bool {
        match value {
            Value::String(text) => !text.contains('\0'),
            Value::Array(items) => items.iter().all(sound),
            Value::Object(members) => members
                .iter()
                .all(|(name, value)| !name.contains('\0') && sound(value)),
            _ => true,
        }
    }
    match sound(value) {
        true => Ok(value.clone()),
        false => Err("text contains the character NUL".to_owned()),
    }
}

fn text(value: &Value, max: usize) -> Result<Value, String> {
    let Some(text) = value.as_str() else {
        return Err(format!("'{}' is not a valid string", plain(value)));
    };
    if text.chars().count() > max {
        return Err(format!("'{text}' exceeds maximum length of {max}"));
    }
    storable(value)
}

fn uuid(value: &Value) -> Result<Value, String> {
    let wrong = || format!("'{}' is not a valid UUID", plain(value));
    let text = value.as_str().ok_or_else(wrong)?;
    let hex: String = text.chars().filter(|digit| *digit != '-').collect();
    if hex.len() != 32 || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(wrong());
    }
    let hex = hex.to_ascii_lowercase();
    let parts = [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ];
    Ok(parts.join("-").into())
}

fn boolean(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" | "t" | "y" => Ok(true),
        "false" | "0" | "no" | "off" | "f" | "n" => Ok(false),
        _ => Err(format!("'{text}' cannot be converted to boolean")),
    }
}

fn int(value: &Value) -> Result<i64, String> {
    value
        .as_i64()
        .or_else(|| value.as_str()?.trim().parse().ok())
        .ok_or_else(|| format!("'{}' is not an integer", plain(value)))
}

fn mac(value: &Value) -> Result<Value, String> {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .filter(|mac: &MacAddr| !mac.is_multicast() && mac.to_u64() != 0)
        .map(|mac| mac.to_string().into())
        .ok_or_else(|| format!("'{}' is not a valid MAC address", plain(value)))
}

fn ip(value: &Value) -> Result<IpAddr, String> {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| format!("'{}' is not a valid IP address", plain(value)))
}

fn net(value: &Value) -> Result<IpNet, String> {
    let text = value.as_str().unwrap_or_default();
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map(|net| net.trunc())
        .map_err(|_| format!("'{}' is not a valid IP subnet", plain(value)))
}

fn cidr(value: &Value) -> Result<Value, String> {
    let net = net(value)?;
    match net.prefix_len() {
        0 => Err("0 is not allowed as CIDR prefix length".to_owned()),
        _ => Ok(json!(net)),
    }
}

/// Converts every item of a list; null is the empty list.
fn list(
    value: &Value,
    what: &str,
    item: impl Fn(&Map<String, Value>) -> Result<Value, String>,
) -> Result<Value, String> {
    let wrong = |value: &Value| format!("Invalid data format for {what}: '{}'", plain(value));
    match value {
        Value::Null => Ok(json!([])),
        Value::Array(items) => items
            .iter()
            .map(|value| item(value.as_object().ok_or_else(|| wrong(value))?))
            .collect(),
        _ => Err(wrong(value)),
    }
}

/// Refuses objects with members other than these, or without the required ones.
fn members(
    object: &Map<String, Value>,
    required: &[&str],
    optional: &[&str],
) -> Result<(), String> {
    let missing = required.iter().find(|name| !object.contains_key(**name));
    if let Some(name) = missing {
        return Err(format!("Required key '{name}' is missing"));
    }
    let known = |name: &str| required.contains(&name) || optional.contains(&name);
    match object.keys().find(|name| !known(name)) {
        Some(name) => Err(format!("Unexpected key '{name}' supplied")),
        None => Ok(()),
    }
}

fn pools(value: &Value) -> Result<Value, String> {
    if value.is_null() {
        return Err("Invalid data format for IP pool: 'null'".to_owned());
    }
    list(value, "IP pool", pool)
}

fn pool(object: &Map<String, Value>) -> Result<Value, String> {
    members(object, &["start", "end"], &[])?;
    Ok(json!({"start": ip(&object["start"])?, "end": ip(&object["end"])?}))
}

fn nameservers(value: &Value) -> Result<Value, String> {
    let items = match value {
        Value::Null => return Ok(json!([])),
        Value::Array(items) => items,
        _ => {
            return Err(format!(
                "Invalid data format for nameserver: '{}'",
                plain(value)
            ));
        }
    };
    let mut seen = BTreeSet::new();
    for item in items {
        let ip = ip(item)?;
        if !seen.insert(ip) {
            return Err(format!("Duplicate nameserver '{ip}'"));
        }
    }
    items
        .iter()
        .map(|item| ip(item).map(|ip| json!(ip)))
        .collect()
}

fn host_routes(value: &Value) -> Result<Value, String> {
    let routes = list(value, "hostroute", |object| {
        members(object, &["destination", "nexthop"], &[])?;
        let (destination, nexthop) = (net(&object["destination"])?, ip(&object["nexthop"])?);
        Ok(json!({"destination": destination, "nexthop": nexthop}))
    })?;
    distinct(&routes, "hostroute")?;
    Ok(routes)
}

fn fixed_ips(value: &Value) -> Result<Value, String> {
    if value.is_null() {
        return Err("Invalid data format for fixed IP: 'null'".to_owned());
    }
    let ips = list(value, "fixed IP", |object| {
        members(object, &[], &["subnet_id", "ip_address"])?;
        let mut entry = Map::new();
        for (name, value) in object.iter().filter(|(_, value)| !value.is_null()) {
            let value = match name.as_str() {
                "ip_address" => json!(ip(value)?),
                _ => uuid(value)?,
            };
            entry.insert(name.clone(), value);
        }
        match entry.is_empty() {
            true => Err("a fixed IP names a subnet_id, an ip_address or both".to_owned()),
            false => Ok(Value::Object(entry)),
        }
    })?;
    let mut seen = BTreeSet::new();
    for address in items(&ips).filter_map(|entry| entry.get("ip_address")?.as_str()) {
        if !seen.insert(address) {
            return Err(format!("Duplicate IP address '{address}'"));
        }
    }
    Ok(ips)
}

fn address_pair(object: &Map<String, Value>) -> Result<Value, String> {
    members(object, &["ip_address"], &["mac_address"])?;
    let address = match ip(&object["ip_address"]) {
        Ok(ip) => json!(ip),
        Err(_) => json!(net(&object["ip_address"])?),
    };
    Ok(match object.get("mac_address") {
        None | Some(Value::Null) => json!({"ip_address": address}),
        Some(value) => json!({"ip_address": address, "mac_address": mac(value)?}),
    })
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn distinct(list: &Value, what: &str) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for item in items(list).map(Value::to_string) {
        if seen.contains(&item) {
            return Err(format!("Duplicate {what} '{item}'"));
        }
        seen.insert(item);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "6b0f1a3e-9c57-4d0e-8e0b-0d7f8d1f3b11";

    /// Rows: check, value, canonical form or the reason's beginning.
    #[test]
    fn values_become_canonical_or_are_refused_with_a_reason() {
        let rows: Vec<(Check, Value, Result<Value, &str>)> = vec![
            (Check::Uuid, json!(UUID.to_uppercase()), Ok(json!(UUID))),
            (Check::Uuid, json!("x"), Err("'x' is not a valid UUID")),
            (Check::Uuid, json!(null), Err("'null' is not a valid UUID")),
            (Check::Text(3), json!("äöü"), Ok(json!("äöü"))),
            (
                Check::Text(3),
                json!("four"),
                Err("'four' exceeds maximum length of 3"),
            ),
            (Check::Text(3), json!(5), Err("'5' is not a valid string")),
            (Check::Text(3), json!("a\0"), Err("text contains")),
            (Check::TextOrNull(3), json!(null), Ok(json!(null))),
            (Check::Texts(&["a"]), json!("b"), Err("'b' is not in")),
            (Check::Bool, json!("True"), Ok(json!(true))),
            (Check::Bool, json!(0), Ok(json!(false))),
            (
                Check::Bool,
                json!("maybe"),
                Err("'maybe' cannot be converted to boolean"),
            ),
            (Check::Int, json!(" 7"), Ok(json!(7))),
            (Check::Int, json!(1.5), Err("'1.5' is not an integer")),
            (
                Check::NonNegative,
                json!(-1),
                Err("'-1' should be non-negative"),
            ),
            (Check::Numbers(&[4, 6]), json!("4"), Ok(json!(4))),
            (
                Check::Numbers(&[4, 6]),
                json!(5),
                Err("'5' is not in [4, 6]"),
            ),
            (
                Check::Mac,
                json!("FA-16-3E-00-00-01"),
                Ok(json!("fa:16:3e:00:00:01")),
            ),
            (Check::Mac, json!("01:00:5e:00:00:01"), Err("'01:00:5e")),
            (
                Check::IpOrNull,
                json!("2001:DB8:0::1"),
                Ok(json!("2001:db8::1")),
            ),
            (
                Check::IpOrNull,
                json!("10.0.0"),
                Err("'10.0.0' is not a valid IP address"),
            ),
            (Check::Cidr, json!("10.0.0.5/24"), Ok(json!("10.0.0.0/24"))),
            (
                Check::Cidr,
                json!("0.0.0.0/0"),
                Err("0 is not allowed as CIDR prefix length"),
            ),
            (
                Check::Cidr,
                json!("10.0.0.5/33"),
                Err("'10.0.0.5/33' is not a valid IP subnet"),
            ),
            (
                Check::Pools,
                json!([{"start": "10.0.0.2"}]),
                Err("Required key 'end'"),
            ),
            (
                Check::Pools,
                json!("x"),
                Err("Invalid data format for IP pool:"),
            ),
            (Check::Nameservers, json!(null), Ok(json!([]))),
            (
                Check::Nameservers,
                json!(["1.1.1.1", "1.1.1.1"]),
                Err("Duplicate nameserver"),
            ),
            (
                Check::HostRoutes,
                json!([{"destination": "10.1.0.9/16", "nexthop": "10.0.0.1"}]),
                Ok(json!([{"destination": "10.1.0.0/16", "nexthop": "10.0.0.1"}])),
            ),
            (Check::FixedIps, json!([{}]), Err("a fixed IP names")),
            (
                Check::FixedIps,
                json!([{"mac": 1}]),
                Err("Unexpected key 'mac'"),
            ),
            (
                Check::FixedIps,
                json!([{"ip_address": "::1"}, {"ip_address": "0::1"}]),
                Err("Duplicate IP address '::1'"),
            ),
            (
                Check::AddressPairs,
                json!([{"ip_address": "10.0.0.9/24"}]),
                Ok(json!([{"ip_address": "10.0.0.0/24"}])),
            ),
            (Check::ObjectOrNull, json!(null), Ok(json!({}))),
            (
                Check::ObjectOrNull,
                json!([]),
                Err("'[]' is not a dictionary"),
            ),
            (
                Check::ObjectOrNull,
                json!({"a": ["\0"]}),
                Err("text contains"),
            ),
        ];
        for (check, value, expected) in rows {
            match (check.convert(&value), expected) {
                (Ok(got), Ok(wanted)) => assert_eq!(got, wanted, "{check:?} {value}"),
                (Err(got), Err(wanted)) => {
                    assert!(got.starts_with(wanted), "{check:?} {value}: {got}");
                }
                (got, wanted) => panic!("{check:?} {value}: {got:?} instead of {wanted:?}"),
            }
        }
    }

    #[test]
    fn the_deepest_object_is_read_back_from_the_log() {
        let deep = (1..MAX_DEPTH).fold(json!(1), |inner, _| json!([inner]));
        let profile = Check::ObjectOrNull.convert(&json!({ "a": deep })).unwrap();
        let refused = Check::ObjectOrNull.convert(&json!({ "a": [profile] }));
        assert_eq!(refused.unwrap_err(), "value too deep");
        let body = json!({ "binding:profile": profile });
        let key = crate::RowKey {
            kind: "port".into(),
            id: "p".into(),
        };
        let row = crate::RowChange {
            key,
            before: None,
            after: Some(body.as_object().unwrap().clone().into()),
        };
        let entry = crate::LogEntry {
            revision: 1,
            time_us: 0,
            actor: crate::Actor::default(),
            rows: vec![row],
            claims: vec![],
        };
        let text = serde_json::to_string(&entry).unwrap();
        let again: crate::LogEntry = serde_json::from_str(&text).unwrap();
        assert_eq!(again, entry);
    }

    #[test]
    fn a_canonical_form_is_its_own_canonical_form() {
        let rows = [
            (Check::Cidr, json!("10.0.0.5/24")),
            (Check::Mac, json!("fa163e000001")),
            (Check::AddressPairs, json!([{"ip_address": "10.0.0.9/24"}])),
            (
                Check::Pools,
                json!([{"start": "10.0.0.2", "end": "10.0.0.9"}]),
            ),
        ];
        for (check, value) in rows {
            let once = check.convert(&value).unwrap();
            assert_eq!(check.convert(&once).unwrap(), once);
        }
    }

    #[test]
    fn filters_take_the_canonical_form_and_keep_what_has_none() {
        assert_eq!(Check::Bool.filter("True").unwrap(), "true");
        assert!(Check::Bool.filter("perhaps").is_err());
        assert_eq!(
            Check::Mac.filter("FA163E000001").unwrap(),
            "fa:16:3e:00:00:01"
        );
        assert_eq!(Check::Uuid.filter("nonsense").unwrap(), "nonsense");
        assert_eq!(Check::Text(9).filter("").unwrap(), "");
    }
}

//! Groups as text: `group_id=1,type=select,bucket=bucket_id:0,weight:5,actions=output:1`, in the form
//! that `ovs-ofctl -O OpenFlow15 dump-groups` writes.
//!
//! Properties other than the selection method have no text.

use std::collections::HashSet;

use super::scan::{self, Item, Read, Wrong};
use super::value::{self, Place, push};
use super::{Names, actions};
use crate::matches::Fields;
use crate::message::{Bucket, GroupMod, GroupProperty, GroupType};
use crate::record::Name;
use crate::{Field, FieldValue, GroupId, Match, PortNo};

/// The group types that there are.
const TYPES: [GroupType; 4] = [
    GroupType::ALL,
    GroupType::SELECT,
    GroupType::INDIRECT,
    GroupType::FAST_FAILOVER,
];

/// Writes a group.
pub(super) fn print(out: &mut String, group: &GroupMod, names: &Names) {
    print_as(out, group, true, true, names);
}

/// Writes a group, with the numbers of its buckets or without, with its type or without.
pub(super) fn print_as(
    out: &mut String,
    group: &GroupMod,
    with_ids: bool,
    with_type: bool,
    names: &Names,
) {
    push(out, format_args!("group_id={}", group.group.0));
    match group.kind.name() {
        _ if !with_type => {}
        name => push(out, format_args!(",type={}", name.unwrap_or("unknown"))),
    }
    for property in &group.properties {
        if let GroupProperty::SelectionMethod {
            method,
            parameter,
            fields,
        } = property
        {
            print_method(out, method, *parameter, &fields.0, names);
        }
    }
    for bucket in &group.buckets {
        out.push_str(",bucket=");
        if with_ids {
            push(out, format_args!("bucket_id:{},", bucket.id));
        }
        let usual = usual_weight(group.kind);
        // Before 1.5 every bucket says its weight, which may be nothing.
        let weight = bucket.weight().unwrap_or(if with_ids { usual } else { 0 });
        if weight != usual {
            push(out, format_args!("weight:{weight},"));
        }
        if let Some(port) = bucket.watch_port().filter(|port| *port != PortNo::ANY) {
            push(out, format_args!("watch_port:{},", names.port(port)));
        }
        if let Some(watched) = bucket.watch_group().filter(|group| *group != GroupId::ANY) {
            push(out, format_args!("watch_group:{},", watched.0));
        }
        out.push_str("actions=");
        actions::print_list(out, &bucket.actions, names);
    }
}

/// The weight that text leaves out.
fn usual_weight(kind: GroupType) -> u16 {
    u16::from(kind == GroupType::SELECT)
}

fn print_method(
    out: &mut String,
    method: &Name<16>,
    parameter: u64,
    fields: &Match,
    names: &Names,
) {
    push(out, format_args!(",selection_method={}", method.to_text()));
    if parameter != 0 {
        push(out, format_args!(",selection_method_param={parameter}"));
    }
    let hashed: Vec<String> = fields
        .fields()
        .map(|hashed| {
            let mut text = hashed.field.row().name.to_owned();
            if hashed.value != hashed.field.full_mask() {
                text.push('=');
                value::print(&mut text, hashed, names, Place::Action);
            }
            text
        })
        .collect();
    match hashed.as_slice() {
        [] => {}
        [one] => push(out, format_args!(",fields={one}")),
        more => push(out, format_args!(",fields({})", more.join(","))),
    }
}

/// Reads a group, as one to add.
pub(super) fn parse<'a>(line: &'a str, names: &Names) -> Read<'a, GroupMod> {
    let mut parts = Vec::new();
    let mut rest = line;
    while let Some(at) = next_bucket(rest) {
        parts.push(&rest[..at]);
        rest = &rest[at + "bucket=".len()..];
    }
    parts.push(rest);
    let mut group = parse_head(parts[0], names)?;
    let mut taken = HashSet::new();
    let mut free = 0;
    for part in &parts[1..] {
        let (id, mut bucket) = parse_bucket(part, names)?;
        while taken.contains(&free) {
            free += 1;
        }
        bucket.id = id.unwrap_or(free);
        taken.insert(bucket.id);
        if group.kind == GroupType::SELECT && bucket.weight().is_none() {
            bucket = bucket.weighing(usual_weight(group.kind));
        }
        group.buckets.push(bucket);
    }
    Ok(group)
}

/// Where the next bucket begins.
fn next_bucket(text: &str) -> Option<usize> {
    let mut starts = text.match_indices("bucket=").map(|(at, _)| at);
    starts.find(|at| text[..*at].is_empty() || text[..*at].ends_with([',', ' ', '\t']))
}

fn parse_head<'a>(text: &'a str, names: &Names) -> Read<'a, GroupMod> {
    let mut number = None;
    let mut kind = GroupType::ALL;
    let (mut method, mut parameter, mut fields) = ("", 0, Match::any());
    for item in scan::items(text)? {
        let plain = || item.plain("a value, after '='");
        match item.key {
            "group_id" => number = Some(GroupId(scan::u32(plain()?)?)),
            "type" => {
                let name = plain()?;
                kind = TYPES
                    .into_iter()
                    .find(|kind| kind.name() == Some(name))
                    .ok_or_else(|| Wrong::new(name, "all, select, indirect or ff"))?;
            }
            "selection_method" => method = plain()?,
            "selection_method_param" => parameter = scan::u64(plain()?)?,
            "fields" => parse_hashed(&mut fields, &item, names)?,
            key => {
                let expected = "group_id, type, selection_method, fields or bucket";
                return Err(Wrong::new(key, expected));
            }
        }
    }
    fields.sort();
    if method.len() > 16 || method.contains(char::is_control) {
        let expected = "a selection method of at most 16 bytes, without control characters";
        return Err(Wrong::new(method, expected));
    }
    let number = number.ok_or_else(|| Wrong::new(text, "group_id="))?;
    let mut group = GroupMod::add(number, kind, Vec::new());
    if !method.is_empty() {
        group.properties.push(GroupProperty::SelectionMethod {
            method: Name::new(method),
            parameter,
            fields: Fields(fields),
        });
    }
    Ok(group)
}

fn parse_hashed<'a>(fields: &mut Match, item: &Item<'a>, names: &Names) -> Read<'a, ()> {
    for hashed in scan::items(item.value)? {
        let field = Field::from_name(hashed.key)
            .ok_or_else(|| Wrong::new(hashed.key, "the name of a field"))?;
        fields.set(match hashed.separator {
            Some(_) => value::parse(field, hashed.value, names)?,
            None => FieldValue::exact(field, field.full_mask()),
        });
    }
    Ok(())
}

/// Reads a bucket, and its number if it has one.
fn parse_bucket<'a>(text: &'a str, names: &Names) -> Read<'a, (Option<u32>, Bucket)> {
    let (settings, list) = super::flow::split_actions(text).unwrap_or((text, ""));
    let mut bucket = Bucket::new(Vec::new());
    let mut id = None;
    for item in scan::items(settings)? {
        let plain = || item.plain("a value, after ':'");
        match item.key {
            "bucket_id" => id = Some(scan::u32(plain()?)?),
            "weight" => bucket = bucket.weighing(scan::u16(plain()?)?),
            "watch_port" => bucket = bucket.watching_port(names.read_port(plain()?)?),
            "watch_group" => bucket = bucket.watching_group(GroupId(scan::u32(plain()?)?)),
            "drop" => item.alone("no value")?,
            _ => bucket.actions.push(actions::parse(&item, names, 0)?),
        }
    }
    bucket.actions.extend(actions::parse_list(list, names, 0)?);
    Ok((id, bucket))
}

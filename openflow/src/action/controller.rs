//! Properties of packets for the controller (`NXAST_CONTROLLER2`), and what they mean together.

use bytes::Bytes;

use super::Action;
use crate::MeterId;
use crate::message::PacketInReason;
use crate::record::{Property, variants};

variants! {
    /// A property of a packet for the controller (`enum nx_action_controller2_prop_type`).
    pub enum ControllerProperty: Property, rows CONTROLLER_PROPERTIES {
        /// Bytes of the packet to send; `0xffff` for all, as without it.
        MaxLen "max_len" [std 0 V1_0 V1_5] {
            /// How many.
            max_len: u16;
            .. {pad 2}
        }
        /// Which controller; 0 for each that has not chosen an id, as without it.
        ControllerId "controller_id" [std 1 V1_0 V1_5] {
            /// The id.
            controller_id: u16;
            .. {pad 2}
        }
        /// The reason in the packet-in; "by an action" without it.
        Reason "reason" [std 2 V1_0 V1_5] {
            /// The reason.
            reason: PacketInReason;
        }
        /// Opaque bytes that come back in the packet-in.
        Userdata "userdata" [std 3 V1_0 V1_5] {
            /// The bytes.
            userdata: Bytes;
        }
        /// The packet waits to be resumed.
        Pause "pause" [std 4 V1_0 V1_5] {}
        /// The meter that packets pass before they are sent.
        Meter "meter_id" [std 5 V1_0 V1_5] {
            /// Which meter.
            meter_id: MeterId;
        }
    }
}

/// A packet for the controller, in whichever action says it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ToController {
    /// Bytes of the packet to send; `0xffff` for all.
    pub max_len: u16,
    /// Which controller; 0 for each that has not chosen an id.
    pub controller_id: u16,
    /// `OFPR_*`; 1 is "by an action".
    pub reason: u8,
    /// Opaque bytes that come back in the packet-in.
    pub userdata: Bytes,
    /// Whether the packet waits to be resumed.
    pub pause: bool,
    /// The meter that packets pass before they are sent.
    pub meter: Option<MeterId>,
}

impl Default for ToController {
    fn default() -> Self {
        Self {
            max_len: 0xffff,
            controller_id: 0,
            reason: PacketInReason::APPLY_ACTION.0,
            userdata: Bytes::new(),
            pause: false,
            meter: None,
        }
    }
}

impl ToController {
    /// The properties that differ from what goes without saying, in the order of their numbers.
    fn properties(&self) -> Vec<ControllerProperty> {
        let plain = Self::default();
        let Self {
            max_len,
            controller_id,
            ..
        } = *self;
        let reason = PacketInReason(self.reason);
        let userdata = self.userdata.clone();
        let all = [
            (max_len != plain.max_len).then_some(ControllerProperty::MaxLen { max_len }),
            (controller_id != plain.controller_id)
                .then_some(ControllerProperty::ControllerId { controller_id }),
            (self.reason != plain.reason).then_some(ControllerProperty::Reason { reason }),
            (!userdata.is_empty()).then_some(ControllerProperty::Userdata { userdata }),
            self.pause.then_some(ControllerProperty::Pause {}),
            self.meter
                .map(|meter_id| ControllerProperty::Meter { meter_id }),
        ];
        all.into_iter().flatten().collect()
    }

    /// What the properties say; of those that say the same, the last counts.
    #[must_use]
    pub fn of(properties: &[ControllerProperty]) -> Self {
        let mut to = Self::default();
        for property in properties {
            match property {
                ControllerProperty::MaxLen { max_len } => to.max_len = *max_len,
                ControllerProperty::ControllerId { controller_id } => {
                    to.controller_id = *controller_id;
                }
                ControllerProperty::Reason { reason } => to.reason = reason.0,
                ControllerProperty::Userdata { userdata } => to.userdata = userdata.clone(),
                ControllerProperty::Pause {} => to.pause = true,
                ControllerProperty::Meter { meter_id } => to.meter = Some(*meter_id),
                ControllerProperty::Experimenter { .. } | ControllerProperty::Unknown { .. } => {}
            }
        }
        to
    }
}

/// The shortest action that says it.
impl From<ToController> for Action {
    fn from(to: ToController) -> Self {
        if !to.userdata.is_empty() || to.pause || to.meter.is_some() {
            return Self::Controller2 {
                properties: to.properties(),
            };
        }
        Self::Controller {
            max_len: to.max_len,
            controller_id: to.controller_id,
            reason: PacketInReason(to.reason),
        }
    }
}

impl Action {
    /// What is said of a packet for the controller, if the action sends it there by Nicira's extension.
    #[must_use]
    pub fn to_controller(&self) -> Option<ToController> {
        match self {
            Self::Controller {
                max_len,
                controller_id,
                reason,
            } => Some(ToController {
                max_len: *max_len,
                controller_id: *controller_id,
                reason: reason.0,
                ..ToController::default()
            }),
            Self::Controller2 { properties } => Some(ToController::of(properties)),
            _ => None,
        }
    }
}

//! Which messages come unasked on a connection: the reasons for each kind, by role (OpenFlow 1.5.1, 7.3.10).

use rust_openflow::Version;
use rust_openflow::message::{AsyncConfig, AsyncProperty, Role};

/// Rows: a kind of message, what chooses it for a slave and for the others, the reasons that Open vSwitch knows.
macro_rules! kinds {
    ($($kind:ident $slave:ident $master:ident $known:literal $doc:literal;)*) => {
        /// A kind of message that comes unasked.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Unasked { $(#[doc = $doc] $kind,)* }

        const KINDS: usize = [$(Unasked::$kind),*].len();
        /// The reasons that there are, by kind.
        const KNOWN: [u32; KINDS] = [$($known),*];

        /// The kind, whether it is a slave's, and the reasons.
        fn chosen(property: &AsyncProperty) -> Option<(Unasked, bool, u32)> {
            match property {
                $(AsyncProperty::$slave { mask } => Some((Unasked::$kind, true, *mask)),
                AsyncProperty::$master { mask } => Some((Unasked::$kind, false, *mask)),)*
                _ => None,
            }
        }

        fn properties(reasons: &Reasons) -> Vec<AsyncProperty> {
            vec![$(
                AsyncProperty::$slave { mask: reasons.slave[Unasked::$kind as usize] },
                AsyncProperty::$master { mask: reasons.other[Unasked::$kind as usize] },
            )*]
        }
    };
}

kinds! {
    PacketIn PacketInSlave PacketInMaster 0x3f "Packet-ins.";
    PortStatus PortStatusSlave PortStatusMaster 0x07 "Port-status.";
    FlowRemoved FlowRemovedSlave FlowRemovedMaster 0x3f "Flow-removed.";
    RoleStatus RoleStatusSlave RoleStatusMaster 0x07 "Role-status.";
    TableStatus TableStatusSlave TableStatusMaster 0x18 "Table-status.";
    Requestforward RequestforwardSlave RequestforwardMaster 0x03 "What others ask for.";
}

/// The reasons for each kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reasons {
    slave: [u32; KINDS],
    other: [u32; KINDS],
}

/// `OFPR_INVALID_TTL`, which nobody gets unless he asks for it.
const INVALID_TTL: u32 = 1 << 2;

impl Reasons {
    /// What comes while nothing is chosen (`ofputil_async_cfg_default` of Open vSwitch).
    pub(super) fn usual(version: Version) -> Self {
        let mut reasons = Self {
            slave: [0; KINDS],
            other: [0; KINDS],
        };
        let removed = match version {
            Version::V1_4 | Version::V1_5 => 0x3f,
            Version::V1_3 => 0x0f,
            _ => 0x07,
        };
        reasons.other[Unasked::PacketIn as usize] =
            KNOWN[Unasked::PacketIn as usize] & !INVALID_TTL;
        reasons.other[Unasked::FlowRemoved as usize] = removed;
        reasons.other[Unasked::PortStatus as usize] = KNOWN[Unasked::PortStatus as usize];
        reasons.slave[Unasked::PortStatus as usize] = KNOWN[Unasked::PortStatus as usize];
        reasons
    }

    /// Takes what is chosen; the rest stays. Reasons or kinds that there are not are refused when that is asked for.
    pub(super) fn choose(
        &mut self,
        config: &AsyncConfig,
        strict: bool,
    ) -> Result<(), &'static str> {
        let mut new = self.clone();
        for property in &config.properties {
            let Some((kind, slave, mask)) = chosen(property) else {
                if strict {
                    return Err("OFPACFC_UNSUPPORTED");
                }
                continue;
            };
            if strict && mask & !KNOWN[kind as usize] != 0 {
                return Err("OFPACFC_INVALID");
            }
            let masks = if slave {
                &mut new.slave
            } else {
                &mut new.other
            };
            masks[kind as usize] = mask;
        }
        *self = new;
        Ok(())
    }

    /// As it is told.
    pub(super) fn config(&self, version: Version) -> AsyncConfig {
        let kinds = match version {
            // The kinds that these versions have.
            Version::V1_0 | Version::V1_1 | Version::V1_2 | Version::V1_3 => 3,
            _ => KINDS,
        };
        let mut told = self.clone();
        if version < Version::V1_4 {
            // As many reasons as these versions know.
            for (kind, known) in [(Unasked::PacketIn, 0x07), (Unasked::FlowRemoved, 0x0f)] {
                told.slave[kind as usize] &= known;
                told.other[kind as usize] &= known;
            }
        }
        let properties = properties(&told).into_iter().take(2 * kinds);
        AsyncConfig {
            properties: properties.collect(),
        }
    }

    /// Whether a message comes.
    pub(super) fn has(&self, role: Role, kind: Unasked, reason: u8) -> bool {
        let masks = match role {
            Role::SLAVE => &self.slave,
            _ => &self.other,
        };
        masks[kind as usize].checked_shr(reason.into()).unwrap_or(0) & 1 == 1
    }
}

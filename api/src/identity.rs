//! Who asks, when there is no authentication: what the request says of itself.
//!
//! For loopback and trusted networks only; whether it is offered elsewhere is decided by whoever
//! opens the listener.

use axum::http::HeaderMap;

/// The caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub user: String,
    /// The project that the caller acts for.
    pub project: String,
    /// Whether the caller is an administrator.
    pub is_admin: bool,
}

impl Identity {
    /// From `X-User-Id`, `X-Project-Id` (`X-Tenant-Id` of old) and `X-Roles`. Who names no roles
    /// is an administrator; who names no project acts for `common`.
    #[must_use]
    pub fn noauth(headers: &HeaderMap, common: &str) -> Self {
        // What is given and no text is not the same as nothing: it names nobody's project.
        let given = |name| {
            let value = headers.get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        let project = given("x-project-id").or_else(|| given("x-tenant-id"));
        let is_admin = headers.get_all("x-roles").iter().all(|roles| {
            let mut roles = roles.to_str().unwrap_or_default().split(',');
            roles.any(|role| role.trim().eq_ignore_ascii_case("admin"))
        });
        Identity {
            user: given("x-user-id").unwrap_or_default(),
            project: project.unwrap_or_else(|| common.to_owned()),
            is_admin,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(headers: &[(&'static str, &'static str)]) -> Identity {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        Identity::noauth(&map, "common")
    }

    #[test]
    fn who_says_nothing_is_an_administrator_of_the_configured_project() {
        let expected = Identity {
            user: String::new(),
            project: "common".to_owned(),
            is_admin: true,
        };
        assert_eq!(identity(&[]), expected);
    }

    #[test]
    fn project_user_and_roles_are_taken_from_the_headers() {
        let tenant = identity(&[
            ("x-project-id", "p"),
            ("x-user-id", "u"),
            ("x-roles", "member"),
        ]);
        assert_eq!(
            (&*tenant.project, &*tenant.user, tenant.is_admin),
            ("p", "u", false)
        );
        assert!(identity(&[("x-roles", "member, Admin")]).is_admin);
        assert!(!identity(&[("x-roles", "")]).is_admin);
        assert!(!identity(&[("x-roles", "\u{e9}")]).is_admin);
        assert_eq!(identity(&[("x-tenant-id", "t")]).project, "t");
        assert_eq!(identity(&[("x-project-id", "\u{e9}")]).project, "\u{e9}");
    }
}

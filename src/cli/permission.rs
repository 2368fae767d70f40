use crate::admin::model::ApiBucketKeyPerm;

/// `RWO`, with a dash for what is not allowed.
pub(super) fn permission_letters(permissions: ApiBucketKeyPerm) -> String {
    let ApiBucketKeyPerm { read, write, owner } = permissions;
    [(read, 'R'), (write, 'W'), (owner, 'O')].map(|(is_set, c)| if is_set { c } else { '-' }).iter().collect()
}

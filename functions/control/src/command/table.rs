//! `table create`

use serde_json::json;

use super::{Deps, Failure, Said};

/// Makes the table, or sees that it is there.
///
/// # Errors
/// The table's own.
pub async fn create(world: &Deps) -> Result<Said, Failure> {
    world.store.create_table().await?;
    Ok(Said::new(
        format!("the table {} is there\n", world.store.table()),
        json!({"table": world.store.table()}),
    ))
}

//! `table create`

use serde_json::json;

use super::{Failure, Said, World};

/// Makes the table, or sees that it is there.
///
/// # Errors
/// The table's own.
pub async fn create(world: &World) -> Result<Said, Failure> {
    world.store.create_table().await?;
    Ok(Said::new(format!("the table {} is there\n", world.table), json!({"table": world.table})))
}

//! The table itself.

use std::time::Duration;

use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TableDescription,
    TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
};
use platform::{Fault, FaultKind};

use crate::Store;

/// A table is made in seconds; after a minute of asking each second something is wrong with it.
const WAITS: usize = 60;
const WAIT: Duration = Duration::from_secs(1);

/// The TTL attribute.
const EXPIRES_AT: &str = "expires_at";

impl Store {
    /// Makes the table, on demand and with its TTL attribute, or finds that it is there.
    ///
    /// # Errors
    /// [`FaultKind::Misconfigured`] where a table of this name has other keys or another TTL attribute; the table's own.
    pub async fn create_table(&self) -> Result<(), Fault> {
        let mut request = self.client.create_table().table_name(&self.table);
        request = request.billing_mode(BillingMode::PayPerRequest);
        for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
            let attribute = AttributeDefinition::builder().attribute_name(name);
            let attribute = attribute
                .attribute_type(ScalarAttributeType::S)
                .build()
                .map_err(|error| self.odd(&error))?;
            let key = KeySchemaElement::builder().attribute_name(name).key_type(kind);
            let key = key.build().map_err(|error| self.odd(&error))?;
            request = request.attribute_definitions(attribute).key_schema(key);
        }
        match request.send().await {
            Ok(_) => {}
            Err(error)
                if matches!(
                    error.as_service_error(),
                    Some(CreateTableError::ResourceInUseException(_))
                ) => {}
            Err(error) => return Err(self.fault(&error)),
        }
        self.settled().await?;
        self.expiring().await
    }

    /// Waits until the table is there, and looks at its keys.
    async fn settled(&self) -> Result<(), Fault> {
        for _ in 0..WAITS {
            let answer = self.client.describe_table().table_name(&self.table).send().await;
            let table = answer.map_err(|error| self.fault(&error))?.table;
            let active = |table: &TableDescription| table.table_status == Some(TableStatus::Active);
            if let Some(table) = table.filter(active) {
                return if keyed(&table) {
                    Ok(())
                } else {
                    Err(self.other("has other keys than `pk` and `sk`"))
                };
            }
            tokio::time::sleep(WAIT).await;
        }
        Err(self.odd(&"it does not become active"))
    }

    async fn expiring(&self) -> Result<(), Fault> {
        let answer = self
            .client
            .describe_time_to_live()
            .table_name(&self.table)
            .send()
            .await;
        let current = answer
            .map_err(|error| self.fault(&error))?
            .time_to_live_description;
        let on = current.filter(|ttl| {
            matches!(
                ttl.time_to_live_status,
                Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
            )
        });
        if let Some(ttl) = on {
            let ours = ttl.attribute_name.as_deref() == Some(EXPIRES_AT);
            return if ours {
                Ok(())
            } else {
                Err(self.other("has another TTL attribute than `expires_at`"))
            };
        }
        let ttl = TimeToLiveSpecification::builder()
            .attribute_name(EXPIRES_AT)
            .enabled(true)
            .build();
        let ttl = ttl.map_err(|error| self.odd(&error))?;
        let request = self
            .client
            .update_time_to_live()
            .table_name(&self.table)
            .time_to_live_specification(ttl);
        request.send().await.map(drop).map_err(|error| self.fault(&error))
    }

    fn other(&self, what: &str) -> Fault {
        Fault::new(
            FaultKind::Misconfigured,
            format!("the table `{}` {what}: choose another name", self.table),
        )
    }

    fn odd(&self, what: &dyn std::fmt::Display) -> Fault {
        Fault::new(
            FaultKind::StoreUnavailable,
            format!("the table `{}` could not be made: {what}", self.table),
        )
    }
}

fn keyed(table: &TableDescription) -> bool {
    let text = |name: &str| {
        let mut all = table.attribute_definitions().iter();
        all.any(|one| one.attribute_name == name && one.attribute_type == ScalarAttributeType::S)
    };
    let keys: Vec<_> = table
        .key_schema()
        .iter()
        .map(|key| (key.attribute_name.as_str(), &key.key_type))
        .collect();
    keys == [("pk", &KeyType::Hash), ("sk", &KeyType::Range)] && text("pk") && text("sk")
}

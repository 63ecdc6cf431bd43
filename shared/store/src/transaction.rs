//! How a write is sent: one item as a conditional put, several as a transaction, and what the table says of either.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::{BuildError, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use platform::retry::{Again, Retryable};
use platform::{Fault, FaultKind};

use crate::Store;
use crate::item::Item;
use crate::write::{Action, Condition};

/// Why a transaction was cancelled that another try may carry through (API reference of `TransactWriteItems`, read 2026-11-21).
const BUSY: [&str; 3] = [
    "TransactionConflict",
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
];

/// Why a try did not succeed.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// A condition does not hold: of which action first, and the lead as it stands, if its own failed.
    Unmet {
        first: usize,
        lead: Option<HashMap<String, AttributeValue>>,
    },
    /// Not now.
    Busy(Fault),
    /// Not at all, or nobody knows; the SDK's own retries are used up.
    Failed(Fault),
}

impl Retryable for Refusal {
    fn again(&self) -> Again {
        if matches!(self, Self::Busy(_)) {
            Again::Soon
        } else {
            Again::Never
        }
    }
}

impl Store {
    pub(crate) async fn send(&self, actions: &[Action], digest: &str, tries: u32) -> Result<(), Refusal> {
        match actions {
            [Action::Put(item, condition)] => self.put(item, *condition).await,
            _ => self.transact(actions, &format!("{digest}-{tries}")).await,
        }
    }

    async fn put(&self, item: &Item, condition: Condition) -> Result<(), Refusal> {
        let (expression, names, values) = expression(condition);
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item.attributes()));
        let request = request
            .set_condition_expression(expression)
            .set_expression_attribute_names(names)
            .set_expression_attribute_values(values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        request
            .send()
            .await
            .map(drop)
            .map_err(|error| match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => Refusal::Unmet {
                    first: 0,
                    lead: failed.item.clone(),
                },
                Some(PutItemError::TransactionConflictException(_)) => Refusal::Busy(self.fault(&error)),
                _ => Refusal::Failed(self.fault(&error)),
            })
    }

    /// The token is one for each answered try: within a try the SDK may repeat a request whose answer was lost, and DynamoDB
    /// then answers as it did; a try that was cancelled is a new question.
    async fn transact(&self, actions: &[Action], token: &str) -> Result<(), Refusal> {
        let items: Result<Vec<_>, _> = actions
            .iter()
            .map(|action| self.transaction_item(action))
            .collect();
        let items = items
            .map_err(|error| Refusal::Failed(Fault::new(FaultKind::StoreUnavailable, error.to_string())))?;
        let request = self.client.transact_write_items().set_transact_items(Some(items));
        let answer = request.client_request_token(token).send().await;
        answer.map(drop).map_err(|error| self.cancelled(&error))
    }

    fn transaction_item(&self, action: &Action) -> Result<TransactWriteItem, BuildError> {
        let (expression, names, values) = expression(action.condition());
        let item = TransactWriteItem::builder();
        Ok(match action {
            Action::Put(put, condition) => {
                let versioned = matches!(condition, Condition::At(_));
                let old = versioned.then_some(ReturnValuesOnConditionCheckFailure::AllOld);
                let put = Put::builder()
                    .table_name(&self.table)
                    .set_item(Some(put.attributes()));
                let put = put
                    .set_condition_expression(expression)
                    .set_expression_attribute_names(names);
                let put = put.set_expression_attribute_values(values);
                item.put(put.set_return_values_on_condition_check_failure(old).build()?)
                    .build()
            }
            Action::Delete(key, _) => {
                let delete = Delete::builder()
                    .table_name(&self.table)
                    .set_key(Some(key.attributes()));
                item.delete(delete.set_condition_expression(expression).build()?)
                    .build()
            }
        })
    }

    /// A cancelled transaction gives a reason an item, in their order.
    fn cancelled(
        &self,
        error: &SdkError<TransactWriteItemsError, impl std::fmt::Debug + 'static>,
    ) -> Refusal {
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) = error.as_service_error()
        else {
            return Refusal::Failed(self.fault(error));
        };
        judged(cancelled.cancellation_reasons(), &self.table)
    }
}

/// The lead's own word first: it says whether this very write has landed already.
fn judged(reasons: &[CancellationReason], table: &str) -> Refusal {
    let codes: Vec<_> = reasons
        .iter()
        .map(|reason| reason.code().unwrap_or_default())
        .collect();
    let busy = codes.iter().any(|code| BUSY.contains(code));
    match codes.iter().position(|code| *code == "ConditionalCheckFailed") {
        Some(0) => {
            let lead = reasons.first().and_then(|reason| reason.item.clone());
            Refusal::Unmet { first: 0, lead }
        }
        Some(first) if !busy => Refusal::Unmet { first, lead: None },
        _ => {
            let named = codes.into_iter().filter(|code| !matches!(*code, "" | "None"));
            let named = named.collect::<Vec<_>>().join(", ");
            let message = format!("the table `{table}` cancelled a transaction: {named}");
            let fault = Fault::new(FaultKind::StoreUnavailable, message);
            if busy {
                Refusal::Busy(fault)
            } else {
                Refusal::Failed(fault)
            }
        }
    }
}

type Expression = (
    Option<String>,
    Option<HashMap<String, String>>,
    Option<HashMap<String, AttributeValue>>,
);

fn expression(condition: Condition) -> Expression {
    match condition {
        Condition::At(Some(version)) => (
            Some("#version = :version".to_owned()),
            Some(HashMap::from([("#version".to_owned(), "version".to_owned())])),
            Some(HashMap::from([(
                ":version".to_owned(),
                AttributeValue::N(version.to_string()),
            )])),
        ),
        Condition::At(None) | Condition::Append => (Some("attribute_not_exists(pk)".to_owned()), None, None),
        Condition::Present => (Some("attribute_exists(pk)".to_owned()), None, None),
        Condition::Guarded => (None, None, None),
    }
}

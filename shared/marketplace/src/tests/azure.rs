//! Azure's sink against a scripted Microsoft.

mod access;
mod answers;
mod doubles;
mod held;
mod refusals;
mod scripted;
mod tries;

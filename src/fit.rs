//! A fit from its options to its report: where it starts, the EM loop, what it does about collapsed components, how it
//! is kept, checked and chosen.

pub mod checkpoint;
mod collapse;
pub mod em;
pub mod init;
pub mod judge;
pub mod options;
pub mod select;
pub mod update;
pub mod verify;
pub mod workflow;

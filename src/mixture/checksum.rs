//! A checksum that tells one mixture from another.

use twox_hash::XxHash3_128;

use super::Parameters;

impl Parameters {
    /// XXH3-128 of the covariance type and of every number, bit for bit, as 32 hexadecimal digits. It tells whether two
    /// files hold the same mixture; it does not protect against intent.
    #[doc(hidden)]
    pub fn checksum(&self) -> String {
        let mut hash = XxHash3_128::new();
        hash.write(self.covariance_type().name().as_bytes());
        for values in [self.weights(), self.means(), self.covariances()] {
            hash.write(&(values.len() as u64).to_le_bytes());
            values.iter().for_each(|value| hash.write(&value.to_le_bytes()));
        }
        format!("{:032x}", hash.finish_128())
    }
}

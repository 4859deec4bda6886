//! Protobuf wire format, written straight into one buffer.

/// Appends fields to a message.
#[derive(Debug, Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// An empty message with room for `capacity` bytes.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(capacity),
        }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// A string or bytes field. `number` is at most 15.
    pub(super) fn bytes(&mut self, number: u8, value: &[u8]) {
        self.bytes.push(number << 3 | 2);
        self.length(value.len());
        self.bytes.extend_from_slice(value);
    }

    /// An enum or integer field of at most 127. `number` is at most 15.
    pub(super) fn small(&mut self, number: u8, value: u8) {
        self.bytes.push(number << 3);
        self.bytes.push(value & 0x7f);
    }

    /// A field that holds a message, which `fill` writes. `number` is at most 15.
    pub(super) fn message(&mut self, number: u8, fill: impl FnOnce(&mut Self)) {
        self.bytes.push(number << 3 | 2);
        self.sized(fill);
    }

    /// A string field whose text `fill` appends piece by piece.
    pub(super) fn text(&mut self, number: u8, fill: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.push(number << 3 | 2);
        self.sized(|writer| fill(&mut writer.bytes));
    }

    /// Writes the length of what `fill` appends in front of it. Most messages are shorter than
    /// 128 bytes, whose length takes the one byte kept free; longer ones are moved up.
    fn sized(&mut self, fill: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.bytes.push(0);
        fill(self);
        let length = self.bytes.len() - start - 1;
        if let (Ok(short @ 0..=127), Some(place)) =
            (u8::try_from(length), self.bytes.get_mut(start))
        {
            *place = short;
            return;
        }
        let mut prefix = Self::with_capacity(5);
        prefix.length(length);
        self.bytes.splice(start..=start, prefix.bytes);
    }

    fn length(&mut self, mut length: usize) {
        loop {
            let [low, ..] = length.to_le_bytes();
            length >>= 7;
            if length == 0 {
                self.bytes.push(low);
                return;
            }
            self.bytes.push(low | 0x80);
        }
    }
}

// How many bytes are missing from the TLS record that is on its way (RFC 8446 §5.1): workerd gives 4 KiB a read unless it
// is told how much is wanted, and a record that is not whole is of no use to anybody. Counts and decides nothing.

export interface RecordsAhead {
  /** Bytes that must come before anything can be done; 1 when that is not known. */
  missing(): number
  /** Told everything that is read, in order. */
  pass(chunk: Uint8Array): void
}

// RFC 8446 §5.1, §5.2: type, version, length; 2^14 bytes and what encryption adds. RFC 5246 §6.2.3 allows TLS 1.2 more.
export const headerLength = 5
const mostOfRecord = 2 ** 14 + 2048

export function recordsAhead(): RecordsAhead {
  const header = new Uint8Array(headerLength)
  let gathered = 0
  let left = 0
  let isTls = true

  return {
    missing() {
      if (!isTls) return 1
      return left > 0 ? left : gathered > 0 ? headerLength - gathered : 1
    },
    pass(chunk) {
      for (let at = 0; isTls && at < chunk.length; ) {
        if (left > 0) {
          const taken = Math.min(left, chunk.length - at)
          left -= taken
          at += taken
          continue
        }
        header[gathered++] = chunk[at++]!
        if (gathered < headerLength) continue
        gathered = 0
        const [type = 0, major, , high = 0, low = 0] = header
        left = high * 256 + low
        // Somebody answers in another language; what it says is read as it comes.
        isTls = type >= 20 && type <= 24 && major === 3 && left <= mostOfRecord
      }
    },
  }
}

// What scripted clients and servers share: bytes that wait to be sent, and application data that wait to be read.
import { type Bytes, concat } from '../../src/bytes/index.js'

export class ScriptedEnd {
  protected out: Uint8Array[] = []
  protected data: Uint8Array[] = []

  /** Bytes for the peer since the last call. */
  take(): Bytes {
    return concat(...this.out.splice(0))
  }

  /** Application data received since the last call. */
  read(): Bytes {
    return concat(...this.data.splice(0))
  }
}

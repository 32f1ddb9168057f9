// Bytes and nothing else: cursor, builder, queue, text, comparison. No protocol, no crypto, no I/O enters here.

/** What this library returns: a Uint8Array over a plain ArrayBuffer, so that platform APIs accept it. */
export type Bytes = Uint8Array<ArrayBuffer>

export { concat, equal, equalConstantTime } from './equal.js'
export { ByteQueue } from './queue.js'
export { Reader } from './reader.js'
export { base64, fromBase64, fromHex, fromLatin1, fromUtf8, hex, latin1, utf8 } from './text.js'
export { Writer } from './writer.js'

// Bytes to send and ways to read them back, for any runtime and any test runner.

interface Streams {
  readonly readable: ReadableStream<Uint8Array>
  readonly writable: WritableStream<Uint8Array>
}

/** Bytes that repeat only after 16 MiB, so that a lost or doubled piece shows. */
export function sample(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at++) bytes[at] = at ^ (at >> 8) ^ (at >> 16)
  return bytes
}

/** Send everything through a stream that echoes, in pieces, while reading; the same must come back. */
export async function echoes(
  { readable, writable }: Streams,
  bytes: Uint8Array,
  piece = 50_000,
): Promise<void> {
  const [received] = await Promise.all([readExactly(readable, bytes.length), send(writable, bytes, piece)])
  if (!sameBytes(received, bytes))
    throw new Error(`${bytes.length} bytes did not come back as they were sent`)
}

/** Write in pieces; the stream stays open. */
export async function send(
  writable: WritableStream<Uint8Array>,
  bytes: Uint8Array,
  piece = 50_000,
): Promise<void> {
  const writer = writable.getWriter()
  for (let at = 0; at < bytes.length; at += piece) await writer.write(bytes.slice(at, at + piece))
  writer.releaseLock()
}

/** The next `length` bytes; fewer mean that the stream ended. */
export async function readExactly(readable: ReadableStream<Uint8Array>, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  const reader = readable.getReader()
  let at = 0
  while (at < length) {
    const { done, value } = await reader.read()
    if (done) break
    if (at + value.length > length) throw new Error(`more than the ${length} bytes expected`)
    bytes.set(value, at)
    at += value.length
  }
  reader.releaseLock()
  return bytes.subarray(0, at)
}

/** Everything to the end. */
export async function readAll(readable: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const reader = readable.getReader()
  const chunks: Uint8Array[] = []
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    chunks.push(value)
  }
  reader.releaseLock()
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}

/** Equality without a megabyte of difference in the failure's message. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at])
}

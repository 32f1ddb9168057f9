// One HTTP/1.1 request and its answer over a tunnel, both bodies as streams. A connection carries one exchange: a Worker's
// sockets end with the request that opened them, so there is nothing to keep alive for.
import { bodyEnd, readBody, readHead, Source } from './http-response.js'
import { Refusal } from './refusal.js'

export interface ByteStream {
  readonly readable: ReadableStream<Uint8Array>
  readonly writable: WritableStream<Uint8Array>
}

export interface OutgoingRequest {
  readonly method: string
  /** Path and query. */
  readonly target: string
  /** Host included; neither Connection nor what frames the body. */
  readonly fields: ReadonlyArray<readonly [string, string]>
  readonly body: ReadableStream<Uint8Array> | null
  /** Of the body, where known; else it goes in chunks. */
  readonly length: number | undefined
}

export interface ExchangeOptions {
  /** For the head of the answer, and between two pieces of its body. */
  readonly patience: number
  readonly maxRequestBytes: number
  /** Called once when the exchange is over, well or not. */
  readonly over: (totals: Totals) => void
}

export interface Totals {
  /** Bytes of the request's body. */
  readonly up: number
  /** Bytes of the whole answer. */
  readonly down: number
  /** Of the answer, if its head came. */
  readonly status: number | undefined
  readonly error: unknown
}

export interface Answer {
  readonly status: number
  readonly reason: string
  readonly fields: ReadonlyArray<readonly [string, string]>
  /** Errors when the service's body does, where its length is known; the exchange ends when nobody reads it. */
  readonly body: ReadableStream<Uint8Array> | null
}

/** Resolves with the head. Throws ERR_AGENT_*, and TunnelErrors of the stream. */
export async function exchange(
  stream: ByteStream,
  request: OutgoingRequest,
  options: ExchangeOptions,
): Promise<Answer> {
  const totals = { up: 0, down: 0, status: undefined as number | undefined }
  const reader = stream.readable.getReader()
  const writer = stream.writable.getWriter()
  const outgoing = request.body?.getReader()
  let finished = false

  function finish(error?: unknown): void {
    if (finished) return
    finished = true
    // Whoever still sends does it for nobody.
    outgoing?.cancel().catch(() => {})
    if (error !== undefined) {
      // A read may be pending: workerd refuses to release such a reader, and nobody needs it any more.
      reader.cancel(error).catch(() => {})
      writer.abort(error).catch(() => {})
    } else {
      reader.releaseLock()
      writer.releaseLock()
    }
    options.over({ ...totals, error })
  }

  const source = new Source(async () => {
    const { done, value } = await inTime(reader.read(), options.patience)
    if (done) return undefined
    totals.down += value.length
    return value
  })

  try {
    const sending = send(writer, outgoing, request, options.maxRequestBytes, (bytes) => {
      totals.up += bytes
    })
    const failed = failureOf(sending)
    // Also when the answer has begun: without its request it is worth nothing.
    failed.catch(finish)
    const head = await Promise.race([readHead(source), failed])
    const end = bodyEnd(head, request.method)
    const { status, reason, fields } = head
    totals.status = status
    if (end.kind === 'none' || (end.kind === 'length' && end.length === 0)) {
      finish()
      return { status, reason, fields, body: null }
    }
    const length = end.kind === 'length' ? end.length : undefined
    return { status, reason, fields, body: streamOf(readBody(source, end), length, finish) }
  } catch (thrown) {
    finish(thrown)
    throw thrown
  }
}

/** Rejects only when the request itself cannot be had; a service that stops reading may still answer. */
function failureOf(sending: Promise<void>): Promise<never> {
  return new Promise((_, reject) => {
    sending.catch((thrown) => {
      if (thrown instanceof Refusal) reject(thrown)
    })
  })
}

async function send(
  writer: WritableStreamDefaultWriter<Uint8Array>,
  body: ReadableStreamDefaultReader<Uint8Array> | undefined,
  request: OutgoingRequest,
  most: number,
  sent: (bytes: number) => void,
): Promise<void> {
  const chunked = body !== undefined && request.length === undefined
  const framing: ReadonlyArray<readonly [string, string]> =
    body === undefined
      ? // RFC 9110 §8.6: methods that expect content say that there is none.
        /^(POST|PUT|PATCH)$/.test(request.method)
        ? [['Content-Length', '0']]
        : []
      : [chunked ? ['Transfer-Encoding', 'chunked'] : ['Content-Length', String(request.length)]]
  await writer.write(headOf(request, framing))
  if (body === undefined) return
  let total = 0
  for (;;) {
    const { done, value } = await body.read().catch(() => {
      throw new Refusal('ERR_AGENT_CLIENT_GONE')
    })
    if (done) break
    if (value.length === 0) continue
    total += value.length
    if (total > most) throw new Refusal('ERR_AGENT_REQUEST_BODY')
    sent(value.length)
    if (chunked) await writer.write(ascii(`${value.length.toString(16)}\r\n`))
    await writer.write(value)
    if (chunked) await writer.write(ascii('\r\n'))
  }
  if (chunked) await writer.write(ascii('0\r\n\r\n'))
}

function headOf(request: OutgoingRequest, framing: ReadonlyArray<readonly [string, string]>): Uint8Array {
  const fields = [...request.fields, ...framing, ['Connection', 'close'] as const]
  const lines = [
    `${request.method} ${request.target} HTTP/1.1`,
    ...fields.map(([name, value]) => `${name}: ${value}`),
  ]
  // Header values of the runtime are free of CR, LF and NUL; a line break here would be a second request.
  if (lines.some((line) => /[\r\n\0]/.test(line))) throw new Refusal('ERR_INTERNAL', { detail: 'a bad line' })
  return ascii(`${lines.join('\r\n')}\r\n\r\n`)
}

function ascii(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/**
 * The body as a stream of the runtime's own, filled only as fast as it is read. A stream made in JavaScript would do,
 * but of those workerd forgets now and then to tell that their reader went; a write to this one then fails.
 */
function streamOf(
  pieces: AsyncGenerator<Uint8Array, void, void>,
  length: number | undefined,
  finish: (error?: unknown) => void,
): ReadableStream<Uint8Array> {
  // A known length is kept: in chunks the runtime would end well even what was cut.
  const { readable, writable } =
    length === undefined ? new IdentityTransformStream() : new FixedLengthStream(length)
  const writer = writable.getWriter()
  const gone = () => new Refusal('ERR_AGENT_CLIENT_GONE')
  async function fill(): Promise<void> {
    for await (const piece of pieces) {
      await writer.write(piece).catch(() => {
        throw gone()
      })
    }
    // Not awaited before the exchange is over: the whole body is there, whoever reads it to the end.
    finish()
    await writer.close().catch(() => {})
  }
  fill().catch((thrown) => {
    finish(thrown)
    writer.abort(thrown).catch(() => {})
  })
  return readable
}

async function inTime<T>(task: Promise<T>, milliseconds: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Refusal('ERR_AGENT_TIMEOUT')), milliseconds)
  })
  try {
    return await Promise.race([task, late])
  } finally {
    clearTimeout(timer)
  }
}

// One HTTP exchange as a layer, for looking: sends what it is given, reads a head and the start of a body, and says how it
// ended. It is lenient on purpose, since it is told error pages of everything on the way; nothing is trusted to it.
import { fromLatin1, latin1 } from '../../bytes/index.js'
import type { TunnelError } from '../../errors-node.js'
import type { Layer, Sink } from '../../layer.js'

export interface HttpAnswer {
  /** The first line; empty where no byte came. */
  readonly statusLine: string
  readonly status: number | undefined
  /** Names in lower case. */
  readonly fields: ReadonlyArray<readonly [name: string, value: string]>
  /** Its start, Latin-1. */
  readonly body: string
  /** How the connection ended, where it ended. */
  readonly end?: TunnelError | 'closed'
}

const limit = 16 * 1024

/** Opens with the answer. */
export function httpLook(request: string): Layer<HttpAnswer> {
  let text = ''
  let opened = false
  const open = (sink: Sink<HttpAnswer>, end?: HttpAnswer['end']) => {
    if (opened) return
    opened = true
    sink.open(answerOf(text, end))
  }
  return {
    name: 'http',
    start(sink) {
      sink.down(latin1(request))
    },
    receive(chunk, sink) {
      if (opened) return
      text = final(text + fromLatin1(chunk))
      if (text.length > limit || isComplete(text)) open(sink)
    },
    eof(cause, sink) {
      open(sink, cause ?? 'closed')
      sink.eof(cause)
    },
    send() {},
    end(sink) {
      sink.finish()
    },
  }
}

/** RFC 9110 §15.2: interim answers come before the one that counts; 101 is final here. */
function final(text: string): string {
  return text.replace(/^(?:HTTP\/1\.1 1(?!01)\d\d[^\n]*\n(?:[^\r\n][^\n]*\n)*\r?\n)+/, '')
}

/** RFC 9112 §7.1: the data of the chunks that are there, without their framing. */
function dechunked(text: string): string {
  let data = ''
  for (let rest = text; ; ) {
    const [line, size] = /^([0-9a-f]{1,8})[^\n]*\n/i.exec(rest) ?? []
    const length = Number.parseInt(size ?? '0', 16)
    if (line === undefined || length === 0) return data
    data += rest.slice(line.length, line.length + length)
    rest = rest.slice(line.length + length).replace(/^\r?\n/, '')
  }
}

function answerOf(text: string, end: HttpAnswer['end']): HttpAnswer {
  const split = /\r?\n\r?\n/.exec(text)
  const head = split === null ? text : text.slice(0, split.index)
  const [statusLine = '', ...lines] = head.split(/\r?\n/)
  const status = /^HTTP\/\d(?:\.\d)? (\d{3})/.exec(statusLine)?.[1]
  const fields = lines.slice(0, 100).flatMap((line) => {
    const colon = line.indexOf(':')
    return colon < 1 ? [] : [[line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const]
  })
  const raw = split === null ? '' : text.slice(split.index + split[0].length, limit)
  return {
    statusLine: statusLine.slice(0, 200),
    status: status === undefined ? undefined : Number(status),
    fields,
    body: isChunked(fields) ? dechunked(raw) : raw,
    ...(end !== undefined && { end }),
  }
}

function isComplete(text: string): boolean {
  const { status, fields, body } = answerOf(text, undefined)
  if (!/\r?\n\r?\n/.test(text) || status === undefined) return false
  const length = fields.find(([name]) => name === 'content-length')?.[1]
  if (length !== undefined) return body.length >= Number(length)
  if (isChunked(fields)) return /\r\n0\r\n(?:[^\r\n]+\r\n)*\r\n$/.test(text)
  // A length that is not told ends with the connection.
  return status === 204 || status === 304 || status === 101
}

function isChunked(fields: HttpAnswer['fields']): boolean {
  return fields.some(([name, value]) => name === 'transfer-encoding' && /chunked/i.test(value))
}

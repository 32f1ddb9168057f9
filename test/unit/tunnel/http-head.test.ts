import { describe, expect, it } from 'vitest'
import { latin1 } from '../../../src/bytes/index.js'
import {
  fieldTokens,
  fieldValues,
  type HttpHeadLimits,
  httpHeadParser,
  printable,
} from '../../../src/tunnel/http-head.js'
import { thrown, waysToArrive } from './recorder.js'

const limits: HttpHeadLimits = { bytes: 64 * 1024, interim: 8 }

function parse(text: string, bounds: HttpHeadLimits = limits) {
  return httpHeadParser(bounds).feed(latin1(text))
}

function codeOf(text: string, bounds?: HttpHeadLimits): string {
  return thrown(() => parse(text, bounds)).code
}

describe('a response head', () => {
  const text =
    'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n' +
    'HTTP/1.1 403 Forbidden\r\nServer: \t a b \t\r\nVia: 1.1 x, ,1.0 Y\r\nVIA: 2 z\r\nEmpty:\r\n\r\n'

  it('is read alike however it arrives, interim responses skipped', () => {
    for (const chunks of waysToArrive(latin1(text))) {
      const parser = httpHeadParser(limits)
      const answers = chunks.map((chunk) => parser.feed(chunk))
      const answer = answers.pop()
      expect(answers.every((early) => early === undefined)).toBe(true)
      expect(answer?.rest.length).toBe(0)
      expect(parser.size()).toBe(text.length)
      expect(answer?.head).toEqual({
        minor: 1,
        status: 403,
        statusLine: 'HTTP/1.1 403 Forbidden',
        fields: [
          ['Server', 'a b'],
          ['Via', '1.1 x, ,1.0 Y'],
          ['VIA', '2 z'],
          ['Empty', ''],
        ],
      })
    }
  })

  it('gives its fields by name, and list elements over all lines', () => {
    const head = parse(text)!.head
    expect(fieldValues(head, 'via')).toEqual(['1.1 x, ,1.0 Y', '2 z'])
    expect(fieldTokens(head, 'via')).toEqual(['1.1 x', '1.0 y', '2 z'])
    expect(fieldValues(head, 'absent')).toEqual([])
  })

  it('leaves what follows it alone, as a view', () => {
    const chunk = latin1('HTTP/1.1 101 S\r\n\r\n\r\n\0rest')
    const answer = httpHeadParser(limits).feed(chunk)!
    expect(answer.rest).toEqual(latin1('\r\n\0rest'))
    expect(answer.rest.buffer).toBe(chunk.buffer)
  })

  it('may lack a reason, and may be of HTTP/1.0', () => {
    expect(parse('HTTP/1.1 464\r\n\r\n')?.head.status).toBe(464)
    expect(parse('HTTP/1.1 464 \r\n\r\n')?.head.status).toBe(464)
    expect(parse('HTTP/1.0 404 Not Found\r\n\r\n')?.head.minor).toBe(0)
    expect(parse('HTTP/1.1 999 Caf\xe9\r\n\r\n')?.head.status).toBe(999)
  })
})

describe('a malformed head', () => {
  it.each([
    ['bare LF after the status line', 'HTTP/1.1 200 OK\nA: b\r\n\r\n'],
    ['bare LF after a field', 'HTTP/1.1 200 OK\r\nA: b\n\r\n'],
    ['bare LF at the end', 'HTTP/1.1 200 OK\r\n\n'],
    ['bare CR', 'HTTP/1.1 200 OK\r\nA: b\rC: d\r\n\r\n'],
    ['doubled CR', 'HTTP/1.1 200 OK\r\nA: b\r\r\n\r\n'],
    ['NUL in a value', 'HTTP/1.1 200 OK\r\nA: \0\r\n\r\n'],
    ['NUL in the status line', 'HTTP/1.1 200 \0\r\n\r\n'],
    ['control character', 'HTTP/1.1 200 OK\r\nA: \x1b[31m\r\n\r\n'],
    ['DEL', 'HTTP/1.1 200 OK\r\nA: \x7f\r\n\r\n'],
    ['obs-fold with a space', 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n'],
    ['obs-fold with a tab', 'HTTP/1.1 200 OK\r\nA: b\r\n\tc\r\n\r\n'],
    ['space before the colon', 'HTTP/1.1 200 OK\r\nA : b\r\n\r\n'],
    ['no colon', 'HTTP/1.1 200 OK\r\nA\r\n\r\n'],
    ['no name', 'HTTP/1.1 200 OK\r\n: b\r\n\r\n'],
    ['name that is no token', 'HTTP/1.1 200 OK\r\nA(: b\r\n\r\n'],
    ['other version', 'HTTP/2 200 OK\r\n\r\n'],
    ['unknown minor version', 'HTTP/1.2 200 OK\r\n\r\n'],
    ['lower case', 'http/1.1 200 OK\r\n\r\n'],
    ['two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
    ['status below 100', 'HTTP/1.1 099 OK\r\n\r\n'],
    ['two spaces', 'HTTP/1.1  200 OK\r\n\r\n'],
    ['tab for a space', 'HTTP/1.1\t200 OK\r\n\r\n'],
    ['empty line first', '\r\nHTTP/1.1 200 OK\r\n\r\n'],
    ['interim response over HTTP/1.0', 'HTTP/1.0 100 Continue\r\n\r\n'],
    ['101 over HTTP/1.0', 'HTTP/1.0 101 S\r\n\r\n'],
    ['Content-Length in an interim response', 'HTTP/1.1 103 E\r\nContent-Length: 0\r\n\r\n'],
    ['Transfer-Encoding in a 101', 'HTTP/1.1 101 S\r\ntransfer-encoding: chunked\r\n\r\n'],
    ['garbage after an interim response', 'HTTP/1.1 100 C\r\n\r\nxyz'],
  ])('%s', (_, text) => {
    for (const chunks of waysToArrive(latin1(text))) {
      const parser = httpHeadParser(limits)
      const error = thrown(() => {
        for (const chunk of chunks) parser.feed(chunk)
      })
      expect(error.code).toBe('ERR_UPGRADE_MALFORMED')
    }
  })

  it('is noticed at the first byte that cannot be HTTP', () => {
    for (const start of ['\x15', '\x16', 'S', 'HTTP/2', '\0', '\n'])
      expect(codeOf(start)).toBe('ERR_UPGRADE_MALFORMED')
    expect(parse('HTTP/1.')).toBeUndefined()
  })

  it('shows what answered instead, printable and cut', () => {
    const ssh = thrown(() => parse(`SSH-2.0-OpenSSH_9\x1b[31m\r\n${'x'.repeat(500)}`))
    expect(ssh.evidence[0]).toMatch(/^answer: SSH-2\.0-OpenSSH_9 \[31m x+$/)
    expect(ssh.evidence[0]!.length).toBeLessThan(80)
    const tls = thrown(() => parse('\x15\x03\x01\0\x02\x02\x46'))
    expect(tls.message).toContain('TLS')
  })
})

describe('bounds', () => {
  const small = (bytes: number): HttpHeadLimits => ({ bytes, interim: 2 })

  it('hold for the head, not for what follows it', () => {
    const head = 'HTTP/1.1 200 OK\r\nA: b\r\n\r\n'
    expect(parse(head + 'x'.repeat(100_000), small(head.length))?.rest.length).toBe(100_000)
    expect(codeOf(head, small(head.length - 1))).toBe('ERR_UPGRADE_TOO_LARGE')
  })

  it('hold for a line that never ends, at the default size', () => {
    expect(codeOf(`HTTP/1.1 200 ${'x'.repeat(64 * 1024)}`)).toBe('ERR_UPGRADE_TOO_LARGE')
  })

  it('count interim responses, in bytes and in number', () => {
    const interim = 'HTTP/1.1 100 C\r\n\r\n'
    const final = 'HTTP/1.1 200 OK\r\n\r\n'
    expect(parse(interim.repeat(2) + final, small(1000))?.head.status).toBe(200)
    expect(codeOf(interim.repeat(3), small(1000))).toBe('ERR_UPGRADE_TOO_LARGE')
    expect(codeOf(interim + final, small(interim.length + final.length - 1))).toBe('ERR_UPGRADE_TOO_LARGE')
  })
})

it('makes peer text printable', () => {
  expect(printable(' a\r\n\tb\x1b[0m\xff c ', 100)).toBe('a b [0m c')
  expect(printable('abcdef', 3)).toBe('abc')
})

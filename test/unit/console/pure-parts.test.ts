// The parts of the console that are numbers and text: CSV, sparklines, rows in sight, the meter, names, places in a query.
import { describe, expect, it } from 'vitest'
import { readIdentityFile } from '../../../src/platform/browser/index.js'
import {
  describe as describeCredentials,
  isLocked,
  noCredentials,
  withFile,
  withText,
} from '../../../worker/console/credentials.js'
import { csv } from '../../../worker/console/csv.js'
import { bytesText, meter } from '../../../worker/console/meter.js'
import { lifeSpent, untilText } from '../../../worker/console/names.js'
import { pictureLayout } from '../../../worker/console/picture-layout.js'
import { niceTop, sparkline } from '../../../worker/console/sparkline.js'
import { placeOf } from '../../../worker/console/sql/position.js'
import { withoutSequences } from '../../../worker/console/terminal/escape-sequences.js'
import { hexLines } from '../../../worker/console/terminal/hex-lines.js'
import { rowsInSight } from '../../../worker/console/virtual-rows.js'

describe('csv', () => {
  it('is RFC 4180: CRLF, quotes where they are needed, doubled within', () => {
    expect(
      csv(
        ['a', 'b,c'],
        [
          ['1', 'say "hi"'],
          ['x\ny', ' '],
        ],
      ),
    ).toBe('a,"b,c"\r\n1,"say ""hi"""\r\n"x\ny", \r\n')
  })

  it('tells NULL from the empty string', () => {
    expect(csv(['a', 'b'], [[null, '']])).toBe('a,b\r\n,""\r\n')
  })
})

describe('sparkline', () => {
  it('stands at the right and keeps within its box', () => {
    const { line, area, top } = sparkline([0, 5, 10], 5, { width: 100, height: 20 })
    expect({ line, top }).toEqual({ line: 'M50 19L75 10L100 1', top: 10 })
    expect(area).toBe('M50 19L75 10L100 1L100 20L50 20Z')
  })

  it('is empty without values and flat for nothing', () => {
    expect(sparkline([], 5, { width: 10, height: 10 })).toEqual({ line: '', area: '', top: 0 })
    expect(sparkline([0, 0], 2, { width: 10, height: 10 }).line).toBe('M0 9L10 9')
  })

  it('shows the last values when there are more than slots', () => {
    expect(sparkline([99, 1, 2], 2, { width: 10, height: 12 }).line).toBe('M0 6L10 1')
  })

  it.each([
    [0, 0],
    [1, 1],
    [1.1, 2],
    [3, 5],
    [6, 10],
    [1234, 2000],
    [0.03, 0.05],
  ])('tops %d at %d', (value, top) => {
    expect(niceTop(value)).toBeCloseTo(top, 10)
  })
})

describe('rows in sight', () => {
  it('are those of the viewport and a few beyond; heights add up', () => {
    const window = rowsInSight(10_000, { scrollTop: 30_000, height: 300, rowHeight: 30 }, 5)
    expect(window).toEqual({ first: 995, end: 1015, before: 995 * 30, after: (10_000 - 1015) * 30 })
  })

  it('are all of a short table, and none of an empty one', () => {
    expect(rowsInSight(3, { scrollTop: 0, height: 300, rowHeight: 30 })).toEqual({
      first: 0,
      end: 3,
      before: 0,
      after: 0,
    })
    expect(rowsInSight(0, { scrollTop: 500, height: 300, rowHeight: 30 })).toMatchObject({
      first: 0,
      end: 0,
      after: 0,
    })
  })
})

describe('meter', () => {
  it('counts, rates, and measures from asking to the first byte', () => {
    let now = 1000
    const gauge = meter(() => now, 2)
    gauge.sent(100)
    gauge.sent(100)
    now += 40
    gauge.received(500)
    gauge.received(500)
    now += 460
    expect(gauge.sample()).toEqual({ up: 400, down: 2000 })
    expect(gauge.roundTrips).toEqual([40])
    now += 1000
    expect(gauge.sample()).toEqual({ up: 0, down: 0 })
    gauge.sample()
    expect(gauge.samples).toHaveLength(2)
    expect(gauge.total).toEqual({ up: 200, down: 1000 })
  })

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1536, '1.5 kB'],
    [999_600, '1.0 MB'],
    [123_456_789, '123 MB'],
  ])('%d is %s', (bytes, text) => {
    expect(bytesText(bytes)).toBe(text)
  })
})

describe('placeOf', () => {
  it('finds line and column, counting code points', () => {
    const sql = "select '🚇',\r\n  nope from t"
    const position = [...sql.slice(0, sql.indexOf('nope'))].length + 1
    expect(placeOf(sql, position)).toEqual({
      line: 2,
      column: 3,
      text: '  nope from t',
      offset: sql.indexOf('nope'),
    })
  })

  it('is nowhere outside of the query', () => {
    expect(placeOf('abc', 9)).toBeUndefined()
    expect(placeOf('abc', 0)).toBeUndefined()
    expect(placeOf('abc', Number.NaN)).toBeUndefined()
    expect(placeOf('abc', 4)).toMatchObject({ line: 1, column: 4 })
  })
})

describe('credentials', () => {
  const certificate = (name: string) => `-----BEGIN CERTIFICATE-----\n${name}\n-----END CERTIFICATE-----`
  const key = '-----BEGIN PRIVATE KEY-----\nkey\n-----END PRIVATE KEY-----'
  const file = (text: string) => ({ text, bytes: new TextEncoder().encode(text) })

  it('may come in two files, in either order', async () => {
    const first = await withFile(noCredentials, file(key), readIdentityFile)
    const both = await withFile(first, file(certificate('own')), readIdentityFile)
    expect(both).toMatchObject({
      privateKey: key,
      certificates: `${certificate('own')}\n`,
      pkcs12: undefined,
    })
    expect(describeCredentials(both)).toBe('1 certificate and a key')
  })

  it('of Teleport: the first certificate is one’s own, the others are authorities', async () => {
    const text = [
      key,
      'ssh-rsa-cert-v01@openssh.com AAAA',
      certificate('own'),
      certificate('host'),
      certificate('db'),
    ].join('\n')
    const { certificates, authorities } = await withText(noCredentials, text, readIdentityFile)
    expect({ certificates, authorities }).toEqual({
      certificates: `${certificate('own')}\n`,
      authorities: `${certificate('host')}\n${certificate('db')}\n`,
    })
  })

  it('of Teleport that are cut off, or in another order, are refused as the library does', async () => {
    const ssh = 'ecdsa-sha2-nistp256-cert-v01@openssh.com AAAA'
    for (const parts of [
      [certificate('own'), ssh, key],
      [key, ssh, certificate('own'), '-----BEGIN CERTIFICATE-----\nhalf'],
    ])
      await expect(withText(noCredentials, parts.join('\n'), readIdentityFile)).rejects.toMatchObject({
        code: 'ERR_CONFIG_IDENTITY',
      })
  })

  it('that are no PEM are PKCS#12 and locked', async () => {
    const der = { text: undefined, bytes: new Uint8Array([0x30, 0x82]) }
    expect(isLocked(await withFile(noCredentials, der, readIdentityFile))).toBe(true)
    const pem = (text: string) => withText(noCredentials, text, readIdentityFile)
    expect(isLocked(await pem(key))).toBe(false)
    expect(isLocked(await pem(key.replaceAll('PRIVATE', 'ENCRYPTED PRIVATE')))).toBe(true)
  })
})

describe('the life of a certificate', () => {
  it('in parts and in words', () => {
    expect(lifeSpent({ notBefore: 0, notAfter: 100 }, 25)).toBe(0.25)
    expect(lifeSpent({ notBefore: 0, notAfter: 100 }, 300)).toBe(1)
    const hour = 3_600_000
    expect([-1, hour, 5 * hour, 72 * hour].map((end) => untilText(end, 0))).toEqual([
      'expired',
      '60 minutes left',
      '5 hours left',
      '3 days left',
    ])
  })
})

describe('the picture', () => {
  it.each([
    [1360, true],
    [1360, false],
    [360, true],
    [360, false],
  ])('fits %d pixels (with a Worker: %s)', (width, withWorker) => {
    const { stations, outer, span, inner } = pictureLayout(width, withWorker)
    const xs = stations.map(({ x }) => x)
    expect(xs).toEqual(xs.toSorted((a, b) => a - b))
    expect(xs[0]! - span).toBeGreaterThanOrEqual(0)
    expect(xs.at(-1)! + span).toBeLessThanOrEqual(width)
    // Outer TLS begins anew behind every bridge and ends at the load balancer; the inner line is one piece.
    expect(outer).toHaveLength(withWorker ? 2 : 1)
    expect(outer.at(-1)![1]).toBe(stations.find(({ name }) => name === 'balancer')!.x)
    expect(inner.match(/M/g)).toHaveLength(1)
  })
})

describe('hexLines', () => {
  it('has offset, bytes and ASCII', () => {
    const text = hexLines(new TextEncoder().encode('+PONG\r\nAND SO ON…'), 16)
    expect(text.split('\r\n')).toEqual([
      '00000010  2b 50 4f 4e 47 0d 0a 41 4e 44 20 53 4f 20 4f 4e  +PONG..AND SO ON',
      '00000020  e2 80 a6                                         ...',
      '',
    ])
  })
})

describe('withoutSequences', () => {
  it.each([
    ['an arrow', '\x1b[A', ''],
    ['an arrow in application mode', '\x1bOD', ''],
    ['an arrow with Ctrl', '\x1b[1;5D', ''],
    ['Home', '\x1b[H', ''],
    ['Delete', '\x1b[3~', ''],
    ['F1', '\x1bOP', ''],
    ['what the terminal says it is', '\x1b[?1;2c', ''],
    ['where the cursor is', '\x1b[24;80R', ''],
    ['a colour, to BEL', '\x1b]11;rgb:0000/0000/0000\x07', ''],
    ['a setting, to ST', '\x1bP1$r0m\x1b\\', ''],
    ['Alt with a key', '\x1bb', ''],
    ['the marks around a paste', '\x1b[200~PING\r\x1b[201~', 'PING\r'],
    ['keys between text', 'PI\x1b[D\x1b[CNG', 'PING'],
  ])('takes %s out', (_, data, text) => {
    expect(withoutSequences(data)).toBe(text)
  })

  it.each(['ECHO [A OD ~\r', 'Grüße, 🚇', '\x7f\t\x03'])('leaves %j as it is', (text) => {
    expect(withoutSequences(text)).toBe(text)
  })
})

// Guesses about vendors that no test can start: their documented marks, as clues made by hand. What is measured on real
// servers is in doctor.test.ts.
import { describe, expect, it } from 'vitest'
import type { AlpnProbe } from '../../src/cli/doctor/findings.js'
import { type HttpAnswer, httpLook } from '../../src/cli/doctor/http-look.js'
import { inspectorOf } from '../../src/cli/doctor/inspectors.js'
import { pingFinding } from '../../src/cli/doctor/probe-http.js'
import { vendors } from '../../src/cli/doctor/vendor-table.js'
import { type Clues, guessVendors } from '../../src/cli/doctor/vendors.js'
import { nearest } from '../../src/cli/nearest.js'
import { failure } from '../../src/errors.js'

describe('the ping', () => {
  it('is shown without anything that moves a cursor', () => {
    const { evidence } = pingFinding(
      {
        statusLine: 'HTTP/1.1 302 \x1b]0;owned\x07Found',
        status: 302,
        fields: [['location', 'https://login.test/\x1b[2J\u009b1A?token=x']],
        body: '',
      },
      1,
    )
    expect(evidence).toEqual(['HTTP/1.1 302 ]0;owned Found', 'location: https://login.test/ [2J 1A'])
  })
})

describe('an answer', () => {
  const body = '{"server_version":"18.2.0"}'
  const look = (text: string) => {
    const opened: HttpAnswer[] = []
    const layer = httpLook('')
    const sink = {
      down() {},
      up() {},
      open: (answer: HttpAnswer) => opened.push(answer),
      eof() {},
      finish() {},
    }
    for (const byte of Buffer.from(text)) layer.receive(Uint8Array.of(byte), sink as never)
    return opened
  }

  it.each([
    [
      'in chunks',
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n${body.slice(0, 5)}\r\n16;x=y\r\n${body.slice(5)}\r\n0\r\n\r\n`,
    ],
    [
      'behind an interim one',
      `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n${body}`,
    ],
  ])('%s is read', (_, text) => {
    const [answer] = look(text)
    expect(answer).toMatchObject({ status: 200, body })
    expect(pingFinding(answer!, 1)).toMatchObject({ status: 'ok', server: 'Teleport 18.2.0' })
  })
})

describe('the guess', () => {
  it('is one box where HAProxy ends TLS without ALPN', () => {
    const probe = (offered: string[]) =>
      ({ status: 'ok', summary: '', offered, outcome: 'unselected' }) as const
    const seen = clues({
      plain: failure('ERR_STREAM_RESET'),
      broken: answer({}, 'Your browser sent an invalid request.'),
    })
    const outerTls = { ...seen.outerTls, probes: [probe(['x']), probe(['http/1.1']), probe([])] }
    expect(guessVendors({ ...seen, outerTls })).toMatchObject([{ vendor: 'haproxy', role: 'tls' }])
  })

  it.each([
    ['aws-alb', { server: 'awselb/2.0' }],
    ['aws-cloudfront', { via: '1.1 abcdef.cloudfront.net (CloudFront)' }],
    ['gcp', { via: '1.1 google' }],
    ['cloudflare', { server: 'cloudflare', 'cf-ray': '8c0ffee-FRA' }],
    ['envoy', { server: 'istio-envoy' }],
    ['azure', { server: 'Microsoft-Azure-Application-Gateway/v2' }],
    ['akamai', { server: 'AkamaiGHost' }],
    ['fastly', { 'x-served-by': 'cache-fra-1234-FRA' }],
    ['f5', { server: 'BigIP' }],
  ])('%s by its headers', (vendor, fields) => {
    const [guess] = guessVendors(clues({ ping: answer(fields) }))
    expect(guess).toMatchObject({ vendor, role: 'tls', certainty: 'certain' })
    expect(guess?.evidence[0]).toMatch(/^header /)
  })

  it.each([
    ['aws-alb', '<html><center><h1>400</h1></center><hr><center>awselb/2.0</center></html>'],
    ['gcp', '<title>Error 404 (Not Found)!!1</title>'],
    ['cloudflare', '<hr><center>cloudflare</center>'],
    ['envoy', 'upstream connect error or disconnect/reset before headers. reset reason: connection failure'],
    ['traefik', 'Client sent an HTTP request to an HTTPS server.\n'],
  ])('%s by its pages', (vendor, body) => {
    const certainty = vendor === 'traefik' ? 'possible' : 'certain'
    expect(guessVendors(clues({ plain: answer({}, body) }))).toMatchObject([{ vendor, certainty }])
  })

  it('names the nearer first: Cloudflare in front of nginx', () => {
    const found = guessVendors(
      clues({
        plain: answer({ server: 'cloudflare' }),
        unknownPath: answer({ server: 'cloudflare' }, '<center>nginx/1.25.3</center>'),
      }),
    )
    expect(found.map(({ vendor, role }) => [vendor, role])).toEqual([
      ['cloudflare', 'tls'],
      ['nginx', 'http'],
    ])
  })

  it('names nobody where nothing shows, and no one who merely could be beside one who is', () => {
    expect(guessVendors(clues({}))).toEqual([])
    const go = answer({}, 'Client sent an HTTP request to an HTTPS server.\n')
    expect(guessVendors(clues({ plain: go, ping: answer({ server: 'Caddy' }) }))).toMatchObject([
      { vendor: 'caddy' },
    ])
  })

  it('says Teleport where its ping does', () => {
    const seen = { ...clues({}), ping: { status: 'ok', summary: '', server: 'Teleport 18.2.1' } } as const
    expect(guessVendors(seen)).toMatchObject([{ vendor: 'teleport', role: 'server', certainty: 'certain' }])
  })

  it('shows nothing unprintable of a peer', () => {
    const [guess] = guessVendors(clues({ ping: answer({ server: 'nginx \x1b[31m' }) }))
    expect(guess?.evidence.join()).not.toContain('\x1b')
  })

  it('has one setting for whoever may stand in between', () => {
    for (const [key, { setting, known }] of Object.entries(vendors)) {
      if (key !== 'underpass' && key !== 'teleport') expect(setting?.lines.length).toBeGreaterThan(0)
      expect(['measured', 'documented']).toContain(known)
    }
  })
})

describe('TLS inspection', () => {
  const issuedBy = (issuer: string) => [
    { subject: 'CN=x', issuer, names: [], notBefore: '', notAfter: '', selfSigned: false },
  ]

  it.each([
    ['CN=Zscaler Intermediate Root CA (zscalerthree.net)', 'Zscaler'],
    ['CN=ca.acme.goskope.com,O=Netskope Inc', 'Netskope'],
    ['CN=FG100F,O=Fortinet', 'Fortinet'],
    ['CN=mitmproxy', 'mitmproxy'],
  ])('%s is %s', (issuer, name) => {
    expect(inspectorOf(issuedBy(issuer))).toBe(name)
  })

  it('is not seen in an ordinary chain', () => {
    expect(inspectorOf(issuedBy("CN=R11,O=Let's Encrypt,C=US"))).toBeUndefined()
  })
})

describe('the nearest word', () => {
  const words = ['detect', 'doctor', 'inspect', 'origin-trust', 'trust']

  it.each([
    ['detcet', 'detect'],
    ['docter', 'doctor'],
    ['Inspect', 'inspect'],
    ['orgin-trust', 'origin-trust'],
    ['xyzzy', undefined],
    ['', undefined],
  ])('to %j is %j', (word, expected) => {
    expect(nearest(word, words)).toBe(expected)
  })
})

function answer(fields: Readonly<Record<string, string>>, body = ''): HttpAnswer {
  return { statusLine: 'HTTP/1.1 200 OK', status: 200, fields: Object.entries(fields), body }
}

function clues(answers: Partial<NonNullable<Clues['answers']>>): Clues {
  const silence = failure('ERR_TIMEOUT')
  const probe = {
    status: 'ok',
    summary: '',
    offered: ['x'],
    outcome: 'selected',
    alpn: 'h2',
  } as const satisfies AlpnProbe
  return {
    verdict: 'upgrade',
    heads: [],
    ping: { status: 'skipped', summary: '' },
    outerTls: {
      status: 'ok',
      summary: '',
      probes: [probe, probe, probe],
      chain: [],
      endedBy: 'load-balancer',
    },
    answers: { ping: silence, unknownPath: silence, broken: silence, plain: silence, ...answers },
  }
}

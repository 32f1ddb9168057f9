// What the Worker's configuration may say, and that an open relay cannot be said.
import { describe, expect, it } from 'vitest'
import { defaultLimits, readPolicy } from '../../worker/policy.js'
import { Refusal, refusalCodes } from '../../worker/refusal.js'

const target = { origin: 'https://lb.example.com', doors: ['tunnel'] }
const agent = {
  ...target,
  doors: ['http'],
  serverName: 'inner.example.com',
  alpn: 'http/1.1',
  trust: 'CA',
  certificate: 'CERT',
  privateKey: 'KEY',
}
const pem = { CA: 'ca', CERT: 'cert', KEY: 'key' }

describe('an empty configuration', () => {
  it.each([
    [{}],
    [{ ALLOWED_ORIGINS: '', TARGETS: {}, JWT: {}, LIMITS: {}, TOKENS: '', TICKET_KEY: '' }],
    [{ ALLOWED_ORIGINS: [], TARGETS: '{}', TOKENS: '{}' }],
  ])('%j lets nobody anywhere, within limits', (environment) => {
    const policy = readPolicy(environment)
    expect([policy.origins.size, policy.tokens.size, policy.targets.size]).toEqual([0, 0, 0])
    expect([policy.jwt, policy.ticketKey]).toEqual([undefined, undefined])
    expect(policy.limits).toEqual(defaultLimits)
    expect(Object.values(policy.limits).every((limit) => limit > 0 && Number.isFinite(limit))).toBe(true)
  })
})

describe('a whole configuration', () => {
  it('is read from tables and from JSON alike', () => {
    const environment = {
      ALLOWED_ORIGINS: 'https://a.example.com http://localhost:8787',
      TOKENS: '{"robot": "twenty-characters-long"}',
      JWT: { issuer: 'https://team.cloudflareaccess.com', audience: 'tag' },
      TICKET_KEY: 'x'.repeat(32),
      LIMITS: { idleSeconds: 5 },
      HEADERS: '{"X-Waf": "key"}',
      TARGETS: { a: { ...target, headers: 'HEADERS', subjects: ['robot'] }, b: agent },
      ...pem,
    }
    const policy = readPolicy(environment)
    expect([...policy.origins]).toEqual(['https://a.example.com', 'http://localhost:8787'])
    expect(policy.jwt?.jwks).toBe('https://team.cloudflareaccess.com/cdn-cgi/access/certs')
    expect(policy.limits).toEqual({ ...defaultLimits, idleSeconds: 5 })
    expect(policy.targets.get('a')).toMatchObject({
      origin: 'https://lb.example.com',
      path: '/webapi/connectionupgrade',
      relay: 'counted',
      headers: [['X-Waf', 'key']],
      subjects: ['robot'],
      agent: undefined,
    })
    expect(policy.targets.get('b')?.agent).toMatchObject({
      trust: 'ca',
      certificate: 'cert',
      privateKey: 'key',
    })
    expect(policy.targets.get('b')?.agent).toMatchObject({ transport: 'fetch', originTrust: undefined })
    expect(readPolicy({ ...environment, TARGETS: JSON.stringify(environment.TARGETS) })).toEqual(policy)
  })
})

describe('a transport', () => {
  it.each([
    [{ transport: 'fetch' }, { transport: 'fetch', originTrust: undefined }],
    [{ transport: 'auto' }, { transport: 'auto', originTrust: undefined }],
    [{ transport: 'tcp' }, { transport: 'tcp', originTrust: undefined }],
    [
      { transport: 'tcp', originTrust: 'CA' },
      { transport: 'tcp', originTrust: 'ca' },
    ],
  ])('%j is read', (said, read) => {
    const policy = readPolicy({ ...pem, TARGETS: { a: { ...agent, ...said } } })
    expect(policy.targets.get('a')?.agent).toMatchObject(read)
  })
})

describe('refused', () => {
  const targets = (entry: unknown, name = 'a') => ({ ...pem, TARGETS: { [name]: entry } })
  it.each([
    ['the origin *', { ALLOWED_ORIGINS: '*' }],
    ['an origin pattern', { ALLOWED_ORIGINS: 'https://*.example.com/' }],
    ['the origin null', { ALLOWED_ORIGINS: 'null' }],
    ['an origin with a path', { ALLOWED_ORIGINS: 'https://a.example.com/' }],
    ['an origin in capitals', { ALLOWED_ORIGINS: 'https://A.example.com' }],
    ['an origin without a scheme', { ALLOWED_ORIGINS: 'a.example.com' }],
    ['an origin of another scheme', { ALLOWED_ORIGINS: 'ftp://a.example.com' }],
    ['one bad origin of two', { ALLOWED_ORIGINS: ['https://a.example.com', '*'] }],
    ['an origin that is no text', { ALLOWED_ORIGINS: [1] }],
    ['a table of origins', { ALLOWED_ORIGINS: { a: 1 } }],
    ['a short token', { TOKENS: '{"a": "short"}' }],
    ['an empty token', { TOKENS: '{"a": ""}' }],
    ['tokens that are no JSON', { TOKENS: 'token' }],
    ['a list of tokens', { TOKENS: '["twenty-characters-long"]' }],
    ['a short ticket key', { TICKET_KEY: 'short' }],
    ['a ticket key that is no text', { TICKET_KEY: 1 }],
    ['a JWT issuer without an audience', { JWT: { issuer: 'https://a.example.com' } }],
    ['a JWT audience without an issuer', { JWT: { audience: 'tag' } }],
    ['JWT keys in clear', { JWT: { issuer: 'i', audience: 'a', jwks: 'http://a.example.com/' } }],
    ['a misspelled JWT entry', { JWT: { issuer: 'https://a.example.com', audience: 'a', audiense: 'b' } }],
    ['the target *', targets(target, '*')],
    ['a target named by an address', targets(target, 'lb.example.com')],
    ['a target without an origin', targets({ doors: ['tunnel'] })],
    ['a target origin *', targets({ ...target, origin: '*' })],
    ['a target origin with a pattern', targets({ ...target, origin: 'https://*.example.com' })],
    ['a target origin in clear', targets({ ...target, origin: 'http://lb.example.com' })],
    ['a target origin with a user', targets({ ...target, origin: 'https://a:b@lb.example.com' })],
    ['a target origin with a path', targets({ ...target, origin: 'https://lb.example.com/x' })],
    ['a target origin of another scheme', targets({ ...target, origin: 'wss://lb.example.com' })],
    ['a path with a line break', targets({ ...target, path: '/a\r\nX: y' })],
    ['the door *', targets({ ...target, doors: ['*'] })],
    ['a door that is no text', targets({ ...target, doors: [1] })],
    ['an unknown relay', targets({ ...target, relay: 'open' })],
    ['a misspelled restriction', targets({ ...target, subject: ['alice'] })],
    ['subjects that are no list', targets({ ...target, subjects: { alice: true } })],
    ['headers that are in no secret', targets({ ...target, headers: 'MISSING' })],
    ['headers named as a method of objects', targets({ ...target, headers: 'toString' })],
    ['a target that is no table', targets('https://lb.example.com')],
    ['an agent without trust', targets({ ...agent, trust: undefined })],
    ['an agent without its key', targets({ ...agent, privateKey: 'MISSING' })],
    ['an unknown transport', targets({ ...agent, transport: 'udp' })],
    ['an authority for fetch()', targets({ ...agent, originTrust: 'CA' })],
    ['an authority that may be left out', targets({ ...agent, transport: 'auto', originTrust: 'CA' })],
    ['an authority that is in no secret', targets({ ...agent, transport: 'tcp', originTrust: 'MISSING' })],
    ['an agent without a server name', targets({ ...agent, serverName: '' })],
    ['http and query at once', targets({ ...agent, doors: ['http', 'query'] })],
    ['query without a database', targets({ ...agent, doors: ['query'] })],
    ['no limit', { LIMITS: { tunnelBytes: 0 } }],
    ['a negative limit', { LIMITS: { idleSeconds: -1 } }],
    ['a limit that is no number', { LIMITS: { idleSeconds: '5' } }],
    ['an endless limit', { LIMITS: { idleSeconds: Number.POSITIVE_INFINITY } }],
    ['a time beyond what timers take', { LIMITS: { tunnelSeconds: 3e6 } }],
    ['a misspelled limit', { LIMITS: { idle: 5 } }],
  ])('%s', (_, environment) => {
    expect(codeOf(() => readPolicy(environment))).toBe('ERR_POLICY_INVALID')
  })

  it.each(['Host', 'upgrade', 'Sec-WebSocket-Key', 'X Y', 'Origin'])('the header %s', (name) => {
    const environment = {
      HEADERS: JSON.stringify({ [name]: 'x' }),
      TARGETS: { a: { ...target, headers: 'HEADERS' } },
    }
    expect(codeOf(() => readPolicy(environment))).toBe('ERR_POLICY_INVALID')
  })

  it('without telling a value', () => {
    const secret = 'a-secret'
    for (const environment of [
      { TOKENS: `{"a": "${secret}"}` },
      { TOKENS: secret },
      // The wrong way round.
      { TOKENS: `{"${secret}": "a"}` },
      { TICKET_KEY: secret },
      { HEADERS: `{"X": "${secret}\\n"}`, TARGETS: { a: { ...target, headers: 'HEADERS' } } },
    ])
      expect(JSON.stringify(refusal(() => readPolicy(environment)))).not.toContain(secret)
  })
})

it('every code has a status, a sentence and a hint', async () => {
  for (const code of refusalCodes) {
    const response = new Refusal(code).response()
    const { error } = (await response.json()) as { error: Record<string, string> }
    expect(response.status).toBeGreaterThanOrEqual(400)
    expect(error).toMatchObject({
      code,
      message: expect.stringMatching(/^[A-Z].*\.$/),
      hint: expect.stringMatching(/^[A-Z]/),
    })
    expect(response.headers.get('Cache-Control')).toBe('no-store')
  }
})

function refusal(task: () => unknown): Refusal {
  try {
    task()
  } catch (thrown) {
    if (thrown instanceof Refusal) return thrown
    throw thrown
  }
  throw new Error('it was not refused')
}

function codeOf(task: () => unknown): string {
  return refusal(task).code
}

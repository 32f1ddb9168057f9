// Tokens as Cloudflare Access sends them, checked by the real Worker against keys that it fetches.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  bundleWorker,
  origin,
  type RunningWorker,
  refusalOf,
  startWorker,
  type WorkerBundle,
} from './support.js'

const issuer = 'https://team.cloudflareaccess.test'
const audience = 'the-tag'

type Keys = Awaited<ReturnType<typeof generateKeyPair>>
let bundle: WorkerBundle
let issuerKeys: Keys
let server: Server
let worker: RunningWorker
let publicPem: string

beforeAll(async () => {
  ;[bundle, issuerKeys] = await Promise.all([bundleWorker(), generateKeyPair('RS256', { extractable: true })])
  const jwk = { ...(await exportJWK(issuerKeys.publicKey)), kid: 'one', alg: 'RS256', use: 'sig' }
  publicPem = JSON.stringify(jwk)
  server = createServer((_, response) => response.end(JSON.stringify({ keys: [jwk] })))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  worker = await startWorker(
    bundle,
    bindings(`http://127.0.0.1:${(server.address() as AddressInfo).port}/certs`),
  )
})

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]()
  server?.closeAllConnections()
  server?.close()
})

function bindings(jwks: string): Record<string, unknown> {
  return {
    ALLOWED_ORIGINS: origin,
    JWT: { issuer, audience, jwks },
    TICKET_KEY: 'x'.repeat(32),
    TARGETS: {
      far: { origin: 'http://127.0.0.1:1', doors: ['tunnel'], subjects: ['alice@example.com', 'robot'] },
    },
  }
}

const claims = { email: 'alice@example.com', iss: issuer, aud: [audience], exp: now() + 60 }

function now(): number {
  return Math.floor(Date.now() / 1000)
}

function signed(payload: JWTPayload, keys = issuerKeys, kid = 'one'): Promise<string> {
  return new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid }).sign(keys.privateKey)
}

function ask(headers: Record<string, string>, at = worker): Promise<Response> {
  return fetch(`${at.url}/tunnel/far/ticket`, { method: 'POST', headers: { Origin: origin, ...headers } })
}

const bearer = (token: string) => ({ Authorization: `Bearer ${token}` })

describe('a valid token', () => {
  it.each([
    ['of a person, from Access', claims, 'Cf-Access-Jwt-Assertion'],
    ['of a person, as a bearer', claims, 'Authorization'],
    [
      'of a service',
      { ...claims, email: undefined, common_name: 'robot', sub: '' },
      'Cf-Access-Jwt-Assertion',
    ],
    ['with a subject alone', { ...claims, email: undefined, sub: 'robot' }, 'Cf-Access-Jwt-Assertion'],
  ])('%s', async (_, payload, header) => {
    const token = await signed(payload)
    const answer = await ask({ [header]: header === 'Authorization' ? `Bearer ${token}` : token })
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ expiresIn: 60 })
  })

  it('is named in the log, and its text is not', async () => {
    const token = await signed(claims)
    await ask(bearer(token))
    await worker.logged({ event: 'ticket', subject: 'alice@example.com' })
    expect(worker.output()).not.toContain(token.slice(-20))
  })
})

describe('refused', () => {
  it.each<[string, () => Promise<string> | string, number, string]>([
    ['expired', () => signed({ ...claims, exp: now() - 60 }), 401, 'ERR_TOKEN_EXPIRED'],
    ['not valid yet', () => signed({ ...claims, nbf: now() + 60 }), 403, 'ERR_TOKEN_CLAIM'],
    ['without an end', () => signed({ ...claims, exp: undefined as never }), 403, 'ERR_TOKEN_CLAIM'],
    ['for another audience', () => signed({ ...claims, aud: 'other' }), 403, 'ERR_TOKEN_CLAIM'],
    ['of another issuer', () => signed({ ...claims, iss: 'https://evil.test' }), 403, 'ERR_TOKEN_CLAIM'],
    [
      'with an address that nobody verified',
      () => signed({ ...claims, email_verified: false, sub: 'eve' }),
      403,
      'ERR_SUBJECT_NOT_ALLOWED',
    ],
    ['that names nobody', () => signed({ ...claims, email: '' }), 403, 'ERR_TOKEN_CLAIM'],
    [
      'of somebody else',
      () => signed({ ...claims, email: 'eve@example.com' }),
      403,
      'ERR_SUBJECT_NOT_ALLOWED',
    ],
    [
      'signed by another key',
      async () => signed(claims, await generateKeyPair('RS256')),
      401,
      'ERR_TOKEN_INVALID',
    ],
    ['of an unknown key', () => signed(claims, issuerKeys, 'two'), 401, 'ERR_TOKEN_INVALID'],
    ['changed', async () => changed(await signed(claims)), 401, 'ERR_TOKEN_INVALID'],
    ['unsigned', () => new UnsecuredJWT(claims).encode(), 401, 'ERR_TOKEN_INVALID'],
    [
      'signed with the public key as a secret',
      () =>
        new SignJWT(claims)
          .setProtectedHeader({ alg: 'HS256', kid: 'one' })
          .sign(new TextEncoder().encode(publicPem)),
      401,
      'ERR_TOKEN_INVALID',
    ],
    [
      "signed with the tickets' key",
      () =>
        new SignJWT(claims)
          .setProtectedHeader({ alg: 'HS256' })
          .sign(new TextEncoder().encode('x'.repeat(32))),
      401,
      'ERR_TOKEN_INVALID',
    ],
    ['no token', () => 'word', 401, 'ERR_TOKEN_INVALID'],
  ])('a token %s', async (_, make, status, code) => {
    const token = await make()
    expect(await refusalOf(await ask({ 'Cf-Access-Jwt-Assertion': token }))).toEqual({ status, code })
    expect(await refusalOf(await ask(bearer(token)))).toEqual({ status, code })
  })

  it('every token while the keys cannot be had', async () => {
    await using keyless = await startWorker(bundle, bindings('http://127.0.0.1:1/certs'))
    const answer = await ask(bearer(await signed(claims)), keyless)
    expect(await refusalOf(answer)).toEqual({ status: 503, code: 'ERR_KEYS_UNAVAILABLE' })
  })
})

/** The same signature over another payload. */
function changed(token: string): string {
  const [head, , signature] = token.split('.')
  const payload = Buffer.from(JSON.stringify({ ...claims, email: 'robot' })).toString('base64url')
  return [head, payload, signature].join('.')
}

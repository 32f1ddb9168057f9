import { describe, expect, it } from 'vitest'
import {
  type Circumstances,
  isInconclusive,
  type Mode,
  movesOn,
  planFor,
  refusalOf,
} from '../../../src/dial/plan.js'
import { type ErrorCode, failure, type TunnelError } from '../../../src/errors.js'

const usual: Circumstances = { mode: 'auto', override: undefined, secure: true, blind: false }

function codeOf(act: () => unknown): ErrorCode | undefined {
  try {
    act()
  } catch (error) {
    return (error as TunnelError).code
  }
  return undefined
}

describe('a plan', () => {
  it('detects by itself', () => {
    expect(planFor(usual)).toEqual({ kind: 'detect', upgrades: ['websocket', 'alpn-ping'] })
  })

  it.each<[string, Partial<Circumstances>, readonly Mode[]]>([
    ['plain http', { secure: false }, ['websocket', 'alpn-ping']],
    ['a TLS that shows no ALPN', { blind: true }, ['websocket', 'alpn-ping']],
    ['override yes', { override: true }, ['websocket', 'alpn-ping']],
    ['override no', { override: false }, ['direct']],
    ['one mode', { mode: ['direct'] }, ['direct']],
    ['a list', { mode: ['alpn-ping', 'websocket', 'direct'] }, ['alpn-ping', 'websocket', 'direct']],
    ['a mode against an override', { mode: ['websocket'], override: false }, ['websocket']],
  ])('is fixed for %s', (_, given, attempts) => {
    expect(planFor({ ...usual, ...given })).toMatchObject({ kind: 'fixed', attempts })
  })

  it('refuses what cannot be', () => {
    expect(codeOf(() => planFor({ ...usual, secure: false, mode: ['direct'] }))).toBe('ERR_CONFIG_INVALID')
  })
})

describe('the next attempt', () => {
  it.each<[ErrorCode, Mode, boolean, boolean]>([
    ['ERR_UPGRADE_BAD_REQUEST', 'alpn', false, true],
    ['ERR_UPGRADE_UNAVAILABLE', 'alpn', false, true],
    ['ERR_UPGRADE_EOF', 'websocket', false, true],
    ['ERR_UPGRADE_NOT_FOUND', 'websocket', true, true],
    ['ERR_UPGRADE_STRIPPED', 'websocket', true, true],
    ['ERR_UPGRADE_UNAVAILABLE', 'websocket', true, false],
    ['ERR_UPGRADE_FORBIDDEN', 'websocket', true, false],
    ['ERR_UPGRADE_REDIRECTED', 'websocket', true, false],
    ['ERR_CERT_UNTRUSTED', 'websocket', false, false],
    ['ERR_CERT_UNTRUSTED', 'direct', false, false],
    ['ERR_ABORTED', 'websocket', false, false],
    ['ERR_DIAL_REFUSED', 'websocket', false, false],
    ['ERR_TLS_ALERT', 'websocket', false, false],
    ['ERR_TLS_ALERT_NO_APPLICATION_PROTOCOL', 'direct', false, true],
    ['ERR_TLS_ALPN_UNSELECTED', 'direct', false, true],
    ['ERR_TLS_ALPN_UNOFFERED', 'direct', false, true],
    ['ERR_TLS_HANDSHAKE_EOF', 'direct', false, true],
    ['ERR_TLS_ALERT_CERTIFICATE_REFUSED', 'direct', false, false],
  ])('after %s of %s (automatic: %s) is made: %s', (code, mode, automatically, made) => {
    expect(movesOn(failure(code), mode, automatically)).toBe(made)
  })

  it('is not decided by a connect timeout, but by a handshake that timed out', () => {
    expect(isInconclusive(failure('ERR_TIMEOUT', undefined, { phase: 'dial' }))).toBe(false)
    expect(isInconclusive(failure('ERR_TIMEOUT', undefined, { phase: 'outer-tls' }))).toBe(true)
  })
})

describe('a plan that failed', () => {
  it('speaks with the WebSocket answer and keeps the others as evidence', () => {
    const error = refusalOf([
      { mode: 'alpn', error: failure('ERR_UPGRADE_STRIPPED') },
      {
        mode: 'websocket',
        error: failure('ERR_UPGRADE_FORBIDDEN', 'status 403', { evidence: ['server: waf'] }),
      },
    ])
    expect(error.code).toBe('ERR_UPGRADE_FORBIDDEN')
    expect(error.evidence).toHaveLength(3)
    expect(error.evidence).toContain('server: waf')
  })

  it('leaves a single failure as it is', () => {
    const only = failure('ERR_UPGRADE_STRIPPED')
    expect(refusalOf([{ mode: 'alpn', error: only }])).toBe(only)
  })
})

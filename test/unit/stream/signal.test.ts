import { describe, expect, it } from 'vitest'
import { failure } from '../../../src/errors.js'
import { abortError, signalScope, withDeadline } from '../../../src/stream/index.js'
import { tick } from './toys.js'

/** Listeners that are on a signal, by counting additions and removals. */
function watch(signal: AbortSignal): { readonly count: number } {
  const listeners = new Set<unknown>()
  const { addEventListener, removeEventListener } = signal
  signal.addEventListener = ((type: 'abort', listener: () => void) => {
    listeners.add(listener)
    addEventListener.call(signal, type, listener)
  }) as never
  signal.removeEventListener = ((type: 'abort', listener: () => void) => {
    listeners.delete(listener)
    removeEventListener.call(signal, type, listener)
  }) as never
  return {
    get count() {
      return listeners.size
    },
  }
}

const never = () => new Promise<never>(() => {})

describe('many that wait for one signal', () => {
  it('have one listener on it, and it is gone with the last of them', () => {
    const { signal } = new AbortController()
    const watched = watch(signal)
    const scopes = Array.from({ length: 50 }, () => signalScope({ signals: [signal], phase: 'dial' }))
    expect(watched.count).toBe(1)
    for (const scope of scopes.slice(1)) scope.dispose()
    expect(watched.count).toBe(1)
    scopes[0]!.dispose()
    expect(watched.count).toBe(0)
    // It can be waited for again.
    const again = signalScope({ signals: [signal], phase: 'dial' })
    expect(watched.count).toBe(1)
    again.dispose()
  })

  it('all hear it, but those who went away, even while it is told', () => {
    const ending = new AbortController()
    const watched = watch(ending.signal)
    const scopes = Array.from({ length: 20 }, () => signalScope({ signals: [ending.signal], phase: 'dial' }))
    scopes[3]!.dispose()
    scopes[0]!.signal.addEventListener('abort', () => scopes[9]!.dispose())
    ending.abort()
    const deaf = scopes.flatMap(({ signal }, at) => (signal.aborted ? [] : [at]))
    expect(deaf).toEqual([3, 9])
    expect(watched.count).toBe(0)
  })
})

describe('withDeadline', () => {
  it('yields what the work yields, and leaves no listener', async () => {
    const { signal } = new AbortController()
    const watched = watch(signal)
    const work = async (inner: AbortSignal) => {
      expect(watched.count).toBe(1)
      expect(inner.aborted).toBe(false)
      return 7
    }
    expect(await withDeadline({ signals: [signal, undefined], timeout: 1000, phase: 'dial' }, work)).toBe(7)
    expect(watched.count).toBe(0)
  })

  it('rejects as the work does, and leaves no listener', async () => {
    const { signal } = new AbortController()
    const watched = watch(signal)
    const reason = new Error('mine')
    await expect(
      withDeadline({ signals: [signal], phase: 'dial' }, () => Promise.reject(reason)),
    ).rejects.toBe(reason)
    expect(watched.count).toBe(0)
  })

  it('rejects with ERR_TIMEOUT of the phase', async () => {
    await expect(withDeadline({ timeout: 1, phase: 'upgrade' }, never)).rejects.toMatchObject({
      code: 'ERR_TIMEOUT',
      phase: 'upgrade',
    })
  })

  it('rejects with ERR_ABORTED whichever signal aborts, and leaves no listener', async () => {
    const [one, two] = [new AbortController(), new AbortController()]
    const watched = [watch(one.signal), watch(two.signal)]
    const cause = new Error('no more')
    const work = withDeadline({ signals: [one.signal, two.signal], timeout: 1000, phase: 'handshake' }, never)
    two.abort(cause)
    await expect(work).rejects.toMatchObject({ code: 'ERR_ABORTED', phase: 'handshake', cause })
    expect(watched.map(({ count }) => count)).toEqual([0, 0])
  })

  it('does not start the work when it is aborted already', async () => {
    let started = false
    const work = withDeadline({ signals: [AbortSignal.abort()], phase: 'dial' }, async () => {
      started = true
    })
    await expect(work).rejects.toMatchObject({ code: 'ERR_ABORTED' })
    expect(started).toBe(false)
  })

  it('hands what comes too late to `discard`', async () => {
    const late: string[] = []
    let finish!: (value: string) => void
    const work = () =>
      new Promise<string>((resolve) => {
        finish = resolve
      })
    await expect(
      withDeadline({ timeout: 1, phase: 'dial' }, work, (value) => late.push(value)),
    ).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    finish('socket')
    await tick()
    expect(late).toEqual(['socket'])
  })

  it('ignores work that fails too late', async () => {
    let fail!: (error: Error) => void
    const work = () =>
      new Promise<never>((_, reject) => {
        fail = reject
      })
    await expect(withDeadline({ timeout: 1, phase: 'dial' }, work)).rejects.toMatchObject({
      code: 'ERR_TIMEOUT',
    })
    fail(new Error('late'))
    await tick()
  })
})

describe('signalScope', () => {
  it('has our error as the reason, and no listener after it aborted or was disposed', () => {
    const controller = new AbortController()
    const watched = watch(controller.signal)
    const first = signalScope({ signals: [controller.signal], phase: 'proxy' })
    const second = signalScope({ signals: [controller.signal], phase: 'dial', timeout: 10_000 })
    second.dispose()
    controller.abort()
    expect(first.signal.reason).toMatchObject({ code: 'ERR_ABORTED', phase: 'proxy' })
    expect(second.signal.aborted).toBe(false)
    expect(watched.count).toBe(0)
  })
})

describe('pieces of work one after the other', () => {
  it('share one controller, on whose signal nothing stays', async () => {
    const spare: AbortController[] = []
    const seen = new Set<AbortSignal>()
    for (let i = 0; i < 5; i++) {
      let watched: { readonly count: number } | undefined
      await withDeadline({ timeout: 10_000, phase: 'dial', spare }, async (signal) => {
        if (!seen.has(signal)) watched = watch(signal)
        seen.add(signal)
      })
      expect(watched?.count ?? 0).toBe(0)
    }
    const failing = withDeadline({ phase: 'dial', spare }, async (signal) => {
      seen.add(signal)
      throw failure('ERR_DIAL_REFUSED')
    })
    await expect(failing).rejects.toMatchObject({ code: 'ERR_DIAL_REFUSED' })
    expect(seen.size).toBe(1)
    expect(spare).toHaveLength(1)
  })

  it('have one each when they overlap, and each is given back once', () => {
    const spare: AbortController[] = []
    const first = signalScope({ phase: 'dial', spare })
    const second = signalScope({ phase: 'dial', spare })
    expect(second.signal).not.toBe(first.signal)
    first.dispose()
    first.dispose()
    expect(spare.map(({ signal }) => signal)).toEqual([first.signal])
    second.dispose()
    expect(new Set(spare).size).toBe(2)
  })

  it('never get a signal that aborted', async () => {
    const spare: AbortController[] = []
    const stop = new AbortController()
    const signals = [stop.signal]
    const scope = signalScope({ signals, phase: 'upgrade', spare })
    stop.abort()
    expect(scope.signal.reason).toMatchObject({ code: 'ERR_ABORTED', phase: 'upgrade' })
    scope.dispose()
    expect(spare).toEqual([])
    await expect(withDeadline({ timeout: 1, phase: 'dial', spare }, never)).rejects.toMatchObject({
      code: 'ERR_TIMEOUT',
    })
    expect(spare).toEqual([])
  })
})

describe('abortError', () => {
  it('passes our own errors on and knows AbortSignal.timeout', async () => {
    const own = failure('ERR_PING_TIMEOUT')
    expect(abortError(AbortSignal.abort(own))).toBe(own)
    const timeout = AbortSignal.timeout(1)
    await new Promise((resolve) => timeout.addEventListener('abort', resolve))
    expect(abortError(timeout, 'dial')).toMatchObject({ code: 'ERR_TIMEOUT', phase: 'dial' })
    expect(abortError(AbortSignal.abort())).toMatchObject({ code: 'ERR_ABORTED', phase: 'stream' })
  })
})

// An identity that follows its files. Asking for it costs a stat a file; a changed file is read anew, and one that cannot be
// used (half-written, mismatched) leaves the identity before it in place. Which files these are is not known here.
import { equal } from '../bytes/index.js'
import { asTunnelError, failure, type TunnelError } from '../errors-node.js'
import { type Identity, type IdentityInput, loadIdentity, nameText } from '../pki/index.js'
import { nodeCrypto } from '../platform/node/crypto.js'
import { type LoginFile, type Reading, reading, stampOf } from './files.js'
import { namingForeign } from './foreign-format.js'
import type { IdentitySource, SourceOptions } from './login.js'
import { certificateRoute, type Route, requireRoute, type WantedRoute } from './route.js'
import { watchFiles } from './watch-files.js'

export interface IdentitySourceOptions extends SourceOptions {
  /** What every certificate of this source must lead to. */
  readonly wanted?: WantedRoute
}

/** `load` reads everything through the Reading it is given. Rejects with what the first load throws. */
export async function identitySource(
  load: (files: Reading) => Promise<Identity>,
  options: IdentitySourceOptions = {},
): Promise<IdentitySource> {
  const { now = Date.now, poll = 5_000 } = options
  const listeners = new Set<(error?: TunnelError) => void>()
  let held = await take(load)
  /** What the listeners heard last of files that cannot be used. */
  let told: string | undefined
  let refreshing: Promise<TunnelError | undefined> | undefined
  let watching: Disposable | undefined

  function tell(error?: TunnelError): void {
    for (const listener of [...listeners]) {
      try {
        listener(error)
      } catch {
        // A listener's fault is its own: it must not keep the identity from being used.
      }
    }
  }

  async function refreshed(): Promise<TunnelError | undefined> {
    if (await isUnchanged(held.stamps)) {
      told = undefined
      return undefined
    }
    try {
      const next = await take(load)
      const renewed = !equal(next.identity.leaf.der, held.identity.leaf.der)
      held = next
      told = undefined
      if (renewed) tell()
      return undefined
    } catch (thrown) {
      const error = asTunnelError(thrown, 'ERR_CONFIG_IDENTITY')
      const what = `${error.code} ${error.message}`
      if (what !== told) tell(error)
      told = what
      return error
    }
  }

  function refresh(): Promise<TunnelError | undefined> {
    refreshing ??= refreshed().finally(() => {
      refreshing = undefined
    })
    return refreshing
  }

  return {
    async current(wanted = {}) {
      const trouble = await refresh()
      const { identity, route } = held
      requireValid(identity, now(), trouble)
      requireRoute(route, { ...options.wanted, ...wanted })
      return identity
    },
    get expires() {
      return held.identity.leaf.notAfter
    },
    get route() {
      return held.route
    },
    warnings: () => [...held.warnings, ...expiryWarnings(held.identity, now())],
    watch(onChange) {
      // One function may be given twice: each has its own end.
      const listener = (error?: TunnelError) => onChange(error)
      listeners.add(listener)
      watching ??= watchFiles({ paths: () => held.stamps.keys(), poll, hint: () => void refresh() })
      return {
        [Symbol.dispose]() {
          listeners.delete(listener)
          if (listeners.size > 0) return
          watching?.[Symbol.dispose]()
          watching = undefined
        },
      }
    },
  }
}

/** As `loadIdentity`; a failure names the files it came from, and the format where they are something else. */
export async function identityFrom(input: IdentityInput, files: readonly LoginFile[]): Promise<Identity> {
  try {
    return await loadIdentity(input, nodeCrypto)
  } catch (error) {
    throw namingForeign(asTunnelError(error, 'ERR_CONFIG_IDENTITY'), files)
  }
}

interface Held {
  readonly identity: Identity
  readonly route: Route
  readonly stamps: ReadonlyMap<string, string>
  readonly warnings: readonly string[]
}

async function take(load: (files: Reading) => Promise<Identity>): Promise<Held> {
  const files = reading()
  const identity = await load(files)
  return { identity, route: certificateRoute(identity.leaf), stamps: files.stamps, warnings: files.warnings }
}

async function isUnchanged(stamps: ReadonlyMap<string, string>): Promise<boolean> {
  const now = await Promise.all([...stamps].map(async ([path, stamp]) => (await stampOf(path)) === stamp))
  return now.every(Boolean)
}

/** The peer would only say `certificate_expired`, or nothing at all. */
function requireValid({ leaf }: Identity, now: number, cause: TunnelError | undefined): void {
  if (now <= leaf.notAfter) return
  throw failure(
    'ERR_CONFIG_IDENTITY_EXPIRED',
    `${nameText(leaf.subject)} ended at ${instant(leaf.notAfter)}`,
    {
      cause,
    },
  )
}

function expiryWarnings({ leaf }: Identity, now: number): string[] {
  const { notBefore, notAfter } = leaf
  if (now > notAfter) return [`the certificate ended at ${instant(notAfter)}`]
  if (now < notBefore)
    return [`the certificate is valid only from ${instant(notBefore)}: check this machine's clock`]
  // A renewal comes at about half of a certificate's life: one that is in its last quarter was not renewed.
  if (notAfter - now > Math.min((notAfter - notBefore) / 4, HOUR)) return []
  const minutes = Math.ceil((notAfter - now) / 60_000)
  return [`the certificate ends in ${minutes} min, at ${instant(notAfter)}`]
}

const HOUR = 3_600_000

function instant(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('.000Z', 'Z')
}

// The way of runtimes with raw TCP: outer TLS, upgrade and framing are layers of our own, ALPN can be seen, and the first
// connection tells how the server is reached. The plan is in plan.ts, detection in detect.ts.
import { failure } from '../errors.js'
import { type TrustStore, trustStore } from '../pki/index.js'
import { upgrade, webSocket } from '../tunnel/index.js'
import { reachFixed } from './attempts.js'
import { forgiving, singleFlight, verdictCache } from './cache.js'
import { classify, reachDetecting } from './detect.js'
import { upgradeOverride } from './override.js'
import { automaticUpgrades, type Plan, planFor } from './plan.js'
import type { Reach, Site } from './reach.js'
import { observe, tellUnverified } from './run.js'
import { headerList, type Settings } from './settings.js'
import type { TcpRun, UnderLayers } from './tcp-run.js'

export const overTcp: Reach = /* @__PURE__ */ overTcpWith({ upgrade, webSocket })

/** As `overTcp`, with the layers handed in: what tests use. */
export function overTcpWith(layers: UnderLayers): Reach {
  return (site) => {
    const { platform, settings: base, clock } = site
    const blind = isBlind(site)
    const anchors = outerAnchors(site)
    const verdicts = site.verdicts ? forgiving(site.verdicts) : verdictCache({ clock })
    const flights = singleFlight()
    planOf(base, blind)
    // Options that only the upgrade layer can judge are refused when the dialer is made, not at the first dial.
    layers.upgrade({
      host: base.host,
      path: base.path,
      protocol: automaticUpgrades[0]!,
      headers: typeof base.headers === 'object' ? headerList(base.headers) : [],
      teleportHeader: base.compat.includes('teleport-header'),
      crypto: platform.crypto,
    })
    return {
      check: (settings) => void planOf(settings, blind),
      async begin(run) {
        const dial = platform.dialTcp?.bind(platform)
        if (dial === undefined) throw failure('ERR_UNSUPPORTED_PLATFORM', `${platform.name} opens no raw TCP`)
        const trust = await anchors()
        tellUnverified(run, 'originTrust', trust)
        const dialTls = blind ? platform.dialTls?.bind(platform) : undefined
        const own: TcpRun = Object.assign(run, {
          tcp: { dial, dialTls, trust, verdicts, flights, ...layers },
        })
        const plan = planOf(run.settings, blind)
        return {
          async reach() {
            if (plan.kind === 'detect') return reachDetecting(own, plan.upgrades)
            observe(run, plan.because)
            return reachFixed(own, plan.attempts, plan.automatic)
          },
          async classify() {
            if (plan.kind === 'detect') return classify(own, plan.upgrades)
            observe(run, plan.because)
            return { verdict: 'upgrade', outer: undefined, roundTrips: 0 }
          },
        }
      },
    }
  }
}

function planOf({ mode, origin, override, modeGiven }: Settings, blind: boolean): Plan {
  return planFor({
    mode,
    override: modeGiven ? undefined : upgradeOverride(override, origin.address),
    secure: origin.secure,
    blind,
  })
}

/** Nobody said who signs the origin, and only the runtime's own TLS can tell. */
function isBlind({ platform, settings, originTrust }: Site): boolean {
  return (
    settings.origin.secure &&
    originTrust === undefined &&
    platform.systemRoots === undefined &&
    platform.dialTls !== undefined
  )
}

/** Who vouches for the origin itself, decided now and, for the platform's roots, loaded when first needed. */
function outerAnchors({ platform, settings, originTrust }: Site): () => Promise<TcpRun['tcp']['trust']> {
  const { systemRoots } = platform
  if (!settings.origin.secure) return async () => undefined
  if (originTrust !== undefined) return async () => originTrust
  if (systemRoots === undefined && platform.dialTls !== undefined) return async () => undefined
  if (systemRoots === undefined)
    throw failure('ERR_CONFIG_TRUST', '`originTrust` is missing, and this platform does not tell its roots')
  let loading: Promise<TrustStore> | undefined
  const load = async () => trustStore(await systemRoots.call(platform))
  return () => {
    loading ??= load()
    return loading
  }
}

// A dialer on any platform, for those who bring their own: it carries both ways. The doors of the runtimes import the one
// they need (`dialerBy`).
import type { Platform } from '../platform/platform.js'
import { type Dialer, dialerBy } from './dialer.js'
import type { DialerOptions } from './options.js'
import { overTcp } from './tcp.js'
import { overWebSocket } from './web-socket-climb.js'

/** Over raw TCP where the platform has it, else by its WebSocket. Throws ERR_CONFIG_* as `dialerBy`. */
export function dialerOn(platform: Platform, options: DialerOptions): Dialer {
  return dialerBy(platform.dialTcp === undefined ? overWebSocket : overTcp, platform, options)
}

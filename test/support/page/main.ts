// What the page loads.
import * as inPage from './in-page.js'

globalThis.inPage = inPage

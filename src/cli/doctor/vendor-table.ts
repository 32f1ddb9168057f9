// The table of vendors: what gives each away, and the one setting each needs to carry a tunnel. docs/load-balancers.md is
// made from it. `measured` ones are run by the tests; what is said of the others is their documentation.

export interface Vendor {
  readonly name: string
  /** How we know. */
  readonly known: 'measured' | 'documented'
  /** Response headers, by name in lower case. */
  readonly headers?: ReadonlyArray<readonly [name: string, pattern: RegExp]>
  /** Status line and body of answers; `only`: of this question. */
  readonly pages?: ReadonlyArray<{
    readonly pattern: RegExp
    readonly says: string
    readonly only?: 'plain' | 'broken' | 'unknownPath' | 'ping'
    readonly certainty?: 'certain' | 'likely' | 'possible'
  }>
  /** What it does with application protocols it does not know. */
  readonly alpn?: string
  /** Which upgrades pass without asking. */
  readonly passes?: string
  /** Its idle limit for tunnels as it comes. */
  readonly idle?: string
  /** The one setting that lets a tunnel through and lets it live. */
  readonly setting?: { readonly where: string; readonly what: string; readonly lines: readonly string[] }
}

export const vendors: Readonly<Record<string, Vendor>> = {
  haproxy: {
    name: 'HAProxy',
    known: 'measured',
    pages: [
      { pattern: /Your browser sent an invalid request\./, says: "HAProxy's error page", only: 'broken' },
      { pattern: /No server is available to handle this request\./, says: "HAProxy's error page" },
    ],
    alpn: 'ignores them',
    passes: 'every upgrade',
    idle: '`timeout tunnel`, or `timeout client` where that is not set',
    setting: {
      where: 'haproxy.cfg, section defaults',
      what: 'a tunnel timeout longer than the pause between pings',
      lines: ['timeout tunnel 1h'],
    },
  },
  nginx: {
    name: 'nginx',
    known: 'measured',
    headers: [['server', /^(?:nginx|openresty)\b/i]],
    pages: [{ pattern: /<center>(?:nginx|openresty)(?:\/[\d.]+)?<\/center>/i, says: "nginx's error page" }],
    alpn: 'refuses them with alert 120',
    passes: 'none: `Upgrade` is not passed on unless told',
    idle: '60 s (`proxy_read_timeout`)',
    setting: {
      where: 'nginx.conf, the location of the proxy (the map: in http)',
      what: 'HTTP/1.1 to the server, with both upgrade headers',
      lines: [
        'map $http_upgrade $connection_upgrade { default upgrade; "" close; }',
        'proxy_http_version 1.1;',
        'proxy_set_header Upgrade $http_upgrade;',
        'proxy_set_header Connection $connection_upgrade;',
        'proxy_read_timeout 1h;',
      ],
    },
  },
  apache: {
    name: 'Apache',
    known: 'measured',
    headers: [['server', /^Apache\b/]],
    pages: [
      {
        pattern: /speaking plain HTTP to an SSL-enabled server port/,
        says: "mod_ssl's error page",
        only: 'plain',
      },
      { pattern: /<address>Apache\//, says: "Apache's error page" },
    ],
    alpn: 'selects `http/1.1` though it was not offered',
    passes: 'none: `upgrade=` of ProxyPass says which',
    idle: '60 s (`Timeout`; not `ProxyTimeout`)',
    setting: {
      where: 'the virtual host',
      what: 'the upgrade parameter of ProxyPass',
      lines: ['ProxyPass / http://127.0.0.1:3080/ upgrade=ANY', 'Timeout 3600'],
    },
  },
  caddy: {
    name: 'Caddy',
    known: 'measured',
    headers: [['server', /^Caddy\b/]],
    alpn: 'refuses them with alert 120',
    passes: 'every upgrade',
    idle: 'none',
    setting: {
      where: 'Caddyfile',
      what: 'nothing beyond a reverse proxy',
      lines: ['reverse_proxy 127.0.0.1:3080'],
    },
  },
  stunnel: {
    name: 'stunnel (or another plain TLS terminator)',
    known: 'measured',
    alpn: 'knows none at all',
    passes: 'every upgrade: it does not look inside',
    idle: '12 h (`TIMEOUTidle`); ends with a reset',
    setting: {
      where: 'stunnel.conf, the service',
      what: 'nothing; a shorter idle limit must stay above the pause between pings',
      lines: ['TIMEOUTidle = 43200'],
    },
  },
  'aws-alb': {
    name: 'AWS Application Load Balancer',
    known: 'documented',
    headers: [
      ['server', /^awselb\//],
      ['x-amzn-errortype', /./],
    ],
    pages: [{ pattern: /<center>awselb\/[\d.]+<\/center>/, says: "the ALB's error page" }],
    alpn: 'ignores them',
    passes: '`websocket`',
    idle: '60 s (`idle_timeout.timeout_seconds`, 1 to 4000)',
    setting: {
      where: 'the load balancer (aws elbv2 modify-load-balancer-attributes)',
      what: 'a target group of protocol version HTTP1, and a longer idle timeout',
      lines: ['--attributes Key=idle_timeout.timeout_seconds,Value=4000'],
    },
  },
  'aws-nlb': {
    name: 'AWS Network Load Balancer with a TLS listener',
    known: 'documented',
    alpn: 'by its ALPN policy; none as it comes',
    passes: 'every upgrade: it does not look inside',
    idle: '350 s',
    setting: {
      where: 'the listener',
      what: 'protocol TCP in place of TLS: then no upgrade is needed at all',
      lines: ['--protocol TCP --port 443'],
    },
  },
  'aws-cloudfront': {
    name: 'AWS CloudFront',
    known: 'documented',
    headers: [
      ['x-amz-cf-id', /./],
      ['via', /\(CloudFront\)/],
    ],
    pages: [{ pattern: /Generated by cloudfront/i, says: "CloudFront's error page" }],
    passes: '`websocket`',
    idle: '10 min without a byte from the server',
    setting: {
      where: 'the origin request policy of the behaviour',
      what: 'the WebSocket headers forwarded to the origin',
      lines: ['AllViewer (or a policy that forwards Sec-WebSocket-*)'],
    },
  },
  gcp: {
    name: 'Google Cloud load balancer',
    known: 'documented',
    headers: [
      ['via', /^1\.1 google\b/],
      ['server', /^Google Frontend/],
    ],
    pages: [
      { pattern: /<title>Error \d{3} \([^)]*\)!!1/, says: "Google's error page" },
      { pattern: /fault filter abort|response 404 \(backend NotFound\)/, says: "Google's error page" },
    ],
    passes: '`websocket`',
    idle: '30 s (the timeout of the backend service), and of the whole tunnel: pings are no help',
    setting: {
      where: 'the backend service (gcloud compute backend-services update)',
      what: 'a longer timeout, of a day at most: it counts for the whole life of a WebSocket',
      lines: ['--timeout=86400'],
    },
  },
  cloudflare: {
    name: 'Cloudflare',
    known: 'documented',
    headers: [
      ['server', /^cloudflare\b/],
      ['cf-ray', /./],
    ],
    pages: [{ pattern: /<center>cloudflare(?:-nginx)?<\/center>/i, says: "Cloudflare's error page" }],
    alpn: 'selects `h2` or `http/1.1` where offered',
    passes: '`websocket`',
    idle: '100 s',
    setting: {
      where: 'dashboard, Network',
      what: 'WebSockets on (they are, as it comes); Access needs its headers: --header-file',
      lines: ['WebSockets: On'],
    },
  },
  envoy: {
    name: 'Envoy (or Istio)',
    known: 'documented',
    headers: [
      ['server', /^(?:istio-)?envoy\b/],
      ['x-envoy-upstream-service-time', /./],
    ],
    pages: [
      { pattern: /upstream connect error or disconnect\/reset before headers/, says: "Envoy's error text" },
    ],
    passes: 'none: 403 unless the type is enabled',
    idle: '5 min (`stream_idle_timeout`)',
    setting: {
      where: 'the HTTP connection manager',
      what: 'the upgrade types that may pass',
      lines: ['upgrade_configs:', '- upgrade_type: websocket', 'stream_idle_timeout: 0s'],
    },
  },
  traefik: {
    name: 'Traefik (or another proxy written in Go)',
    known: 'documented',
    pages: [
      {
        pattern: /Client sent an HTTP request to an HTTPS server\./,
        says: "the text of Go's HTTP server",
        only: 'plain',
        certainty: 'possible',
      },
      {
        pattern: /^HTTP\/1\.1 404[^\n]*\n404 page not found\n?$/,
        says: "the text of Go's HTTP server",
        certainty: 'possible',
      },
    ],
    alpn: 'refuses them with alert 120',
    passes: 'every upgrade whose answer names the same protocol',
    setting: {
      where: 'the dynamic configuration, the service of the router',
      what: 'nothing beyond a router',
      lines: ['loadBalancer: { servers: [{ url: "http://127.0.0.1:3080" }] }'],
    },
  },
  azure: {
    name: 'Azure Application Gateway or Front Door',
    known: 'documented',
    headers: [
      ['server', /^Microsoft-Azure-Application-Gateway/],
      ['x-azure-ref', /./],
    ],
    pages: [
      {
        pattern: /<center>Microsoft-Azure-Application-Gateway/,
        says: "the Application Gateway's error page",
      },
    ],
    passes: '`websocket`',
    setting: {
      where: 'the backend settings of an Application Gateway',
      what: 'a request timeout above the pause between pings (1 to 86400 s)',
      lines: ['Request timeout (seconds): 86400'],
    },
  },
  akamai: {
    name: 'Akamai',
    known: 'documented',
    headers: [['server', /^AkamaiGHost/]],
    passes: '`websocket`, where the property has it',
    setting: { where: 'the property', what: 'the WebSockets behaviour', lines: ['WebSockets: On'] },
  },
  fastly: {
    name: 'Fastly',
    known: 'documented',
    headers: [
      ['x-served-by', /^cache-/],
      ['server', /^Varnish/],
    ],
    passes: '`websocket`, where the service has it',
    setting: {
      where: 'VCL, vcl_recv',
      what: 'WebSockets in the contract of the account, and the handoff',
      lines: ['return(upgrade);'],
    },
  },
  f5: {
    name: 'F5 BIG-IP',
    known: 'documented',
    headers: [
      ['server', /^BigIP/i],
      ['set-cookie', /^BIGipServer/],
    ],
    passes: '`websocket`, with a WebSocket profile',
    setting: {
      where: 'the virtual server',
      what: 'a WebSocket profile',
      lines: ['profiles add { websocket { } }'],
    },
  },
  underpass: { name: 'Underpass gateway', known: 'measured' },
  teleport: { name: 'Teleport proxy', known: 'documented' },
}

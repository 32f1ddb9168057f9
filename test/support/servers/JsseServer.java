// A TLS server on JSSE, the JDK's own TLS: echoes every byte until the client's close_notify, and prints what it knows of
// each connection. Run as `java JsseServer.java LIMIT AUTHORITIES SITE...` where a site is NAME,VERSION,CERTIFICATE,KEY,ALGORITHM,
// want|none. Prints `site NAME PORT` for each, then `ready`. Ends when its standard input does.
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Security;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Collection;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

public final class JsseServer {
    private static final char[] NO_PASSWORD = new char[0];

    public static void main(String[] args) throws Exception {
        // After so many bytes under one key it updates it, and asks the client to do the same.
        Security.setProperty("jdk.tls.keyLimits", "AES/GCM/NoPadding KeyUpdate " + args[0]);
        TrustManagerFactory trust = trustIn(Path.of(args[1]));
        for (int at = 2; at < args.length; at++) {
            String[] site = args[at].split(",");
            SSLServerSocket listener = listen(site, trust);
            System.out.println("site " + site[0] + " " + listener.getLocalPort());
            inBackground(() -> accept(site[0], listener));
        }
        System.out.println("ready");
        while (System.in.read() >= 0) { }
    }

    private static SSLServerSocket listen(String[] site, TrustManagerFactory trust) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, NO_PASSWORD);
        Certificate[] chain = certificates(Path.of(site[2])).toArray(new Certificate[0]);
        store.setKeyEntry("server", privateKey(Path.of(site[3]), site[4]), NO_PASSWORD, chain);
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, NO_PASSWORD);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        InetAddress loopback = InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
        SSLServerSocket listener =
            (SSLServerSocket) context.getServerSocketFactory().createServerSocket(0, 64, loopback);
        listener.setEnabledProtocols(new String[] {site[1]});
        listener.setWantClientAuth(site[5].equals("want"));
        return listener;
    }

    private static void accept(String name, SSLServerSocket listener) throws Exception {
        while (true) {
            SSLSocket socket = (SSLSocket) listener.accept();
            inBackground(() -> serve(name, socket));
        }
    }

    private static void serve(String name, SSLSocket socket) throws Exception {
        try (socket) {
            long begun = System.currentTimeMillis();
            socket.startHandshake();
            SSLSession session = socket.getSession();
            // A session that is resumed keeps the time at which it was new.
            boolean resumed = session.getCreationTime() < begun;
            System.out.println("accepted " + name + " version=" + session.getProtocol() + " suite="
                + session.getCipherSuite() + " resumed=" + resumed + " client=" + client(session));
            InputStream in = socket.getInputStream();
            OutputStream out = socket.getOutputStream();
            byte[] buffer = new byte[1 << 16];
            for (int read; (read = in.read(buffer)) >= 0; ) out.write(buffer, 0, read);
        } catch (Exception error) {
            System.out.println("failed " + name + " " + error);
        }
    }

    private static String client(SSLSession session) {
        try {
            return session.getPeerPrincipal().getName();
        } catch (SSLPeerUnverifiedException none) {
            return "nobody";
        }
    }

    private static TrustManagerFactory trustIn(Path authorities) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, NO_PASSWORD);
        int count = 0;
        for (Certificate authority : certificates(authorities))
            store.setCertificateEntry("authority-" + count++, authority);
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        return trust;
    }

    private static Collection<? extends Certificate> certificates(Path file) throws Exception {
        try (InputStream in = Files.newInputStream(file)) {
            return CertificateFactory.getInstance("X.509").generateCertificates(in);
        }
    }

    private static PrivateKey privateKey(Path file, String algorithm) throws Exception {
        String pem = Files.readString(file, StandardCharsets.US_ASCII);
        byte[] der = Base64.getMimeDecoder().decode(pem.replaceAll("-----[^-]+-----", ""));
        return KeyFactory.getInstance(algorithm).generatePrivate(new PKCS8EncodedKeySpec(der));
    }

    private interface Task {
        void run() throws Exception;
    }

    private static void inBackground(Task task) {
        Thread thread = new Thread(() -> {
            try {
                task.run();
            } catch (Exception error) {
                System.out.println("failed " + error);
            }
        });
        thread.setDaemon(true);
        thread.start();
    }
}

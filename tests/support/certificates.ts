// Certificates for tests of TLS, made by openssl the first time that one is asked for and removed with
// the process. Whoever asks belongs in a test that says so: testWith(["openssl"], …).

/** The files of a certificate and of its key. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** Everybody's papers. */
export interface Certificates {
  /** Signs the server's certificates. */
  readonly ca: string;
  /** Signs the clients'. */
  readonly clientCa: string;
  /** Good for localhost, 127.0.0.1 and ::1, as the next one is. */
  readonly server: Identity;
  readonly renewed: Identity;
  readonly expiredServer: Identity;
  /** `CN=alice, O=Example`. */
  readonly client: Identity;
  readonly expiredClient: Identity;
  /** Signed by a CA that nobody knows. */
  readonly stranger: Identity;
  /** Signed by itself. */
  readonly selfSigned: Identity;
  /** Where they lie, with room for more. */
  readonly folder: string;
}

let made: Certificates | undefined;

/** The certificates, the same for all who ask. */
export function certificates(): Certificates {
  return made ??= make();
}

const HOSTS = "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\nextendedKeyUsage=serverAuth\n";
const PERSON = "extendedKeyUsage=clientAuth\n";

function make(): Certificates {
  const folder = Deno.makeTempDirSync({ prefix: "landline-certificates-" });
  globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  const identity = (name: string) => ({
    cert: `${folder}/${name}.pem`,
    key: `${folder}/${name}.key`,
  });

  /** Signs itself. */
  function authority(name: string, subject: string): Identity {
    const { cert, key } = identity(name);
    openssl("req", "-x509", ...newKey(key), "-out", cert, "-days", "30", "-subj", subject);
    return { cert, key };
  }

  /** Signed by another. */
  function issue(name: string, subject: string, by: Identity, extensions: string, days = 30) {
    const { cert, key } = identity(name);
    const request = `${folder}/${name}.csr`, text = `${folder}/${name}.ext`;
    Deno.writeTextFileSync(text, extensions);
    openssl("req", "-new", ...newKey(key), "-out", request, "-subj", subject);
    const signing = ["-CA", by.cert, "-CAkey", by.key, "-CAcreateserial", "-extfile", text];
    openssl("x509", "-req", "-in", request, ...signing, "-out", cert, "-days", `${days}`);
    return { cert, key };
  }

  const ca = authority("ca", "/CN=Test CA");
  const clientCa = authority("client-ca", "/CN=Test CA of clients");
  const nobody = authority("nobody", "/CN=Nobody");
  return {
    folder,
    ca: ca.cert,
    clientCa: clientCa.cert,
    server: issue("server", "/CN=localhost", ca, HOSTS),
    renewed: issue("renewed", "/CN=localhost", ca, HOSTS),
    expiredServer: issue("expired-server", "/CN=localhost", ca, HOSTS, -1),
    client: issue("client", "/CN=alice/O=Example", clientCa, PERSON),
    expiredClient: issue("expired-client", "/CN=bob", clientCa, PERSON, -1),
    stranger: issue("stranger", "/CN=mallory", nobody, PERSON),
    selfSigned: authority("self-signed", "/CN=eve"),
  };
}

function newKey(file: string): string[] {
  return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", file];
}

/** Runs openssl to its end. */
export function openssl(...args: string[]): void {
  const { success, stderr } = new Deno.Command("openssl", { args, stdin: "null" }).outputSync();
  if (!success) {
    throw new Error(`openssl ${args.join(" ")} failed: ${new TextDecoder().decode(stderr)}`);
  }
}

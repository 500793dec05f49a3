/** One signing or checking, for `sign-apple.ts`, in a process that loads nothing else: arguments `sign IN OUT [timestamp URL]`, `sign-app` the same, or `verify IN`. */
const [mode, input = "", output = "", timestampUrl] = process.argv.slice(2);

if (mode === "verify") {
  const { verifyMachO } = await import("../../signing/apple/verify-mach-o.ts");
  for (const { message } of await verifyMachO({ path: input })) throw new Error(message);
} else if (mode === "sign-app") {
  const { signApp } = await import("../../signing/apple/sign-app.ts");
  // As a release does it; rcodesign does not wait for the disk either.
  await signApp({ app: input, output, signer: await fakeSigner(), timestampUrl, isDurable: false });
} else {
  const { signMachO } = await import("../../signing/apple/sign-mach-o.ts");
  const signer = timestampUrl === undefined ? undefined : await fakeSigner();
  await signMachO({ input, output, identifier: "dev.erth.bench", signer, timestampUrl });
}

async function fakeSigner() {
  const { appleAuthority } = await import("../fakes/certificate-authority.ts");
  return appleAuthority().application.signer;
}

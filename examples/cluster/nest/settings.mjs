// What the environment tells the node. The Go nodes read the same names (settings.go).

const { env } = process;

export const node = env.NODE_NAME || "nest";
export const port = Number(env.PORT || 3000);

/** Of the pages that may connect. */
export const origins = (env.CORS_ORIGINS || "").split(",").map((origin) => origin.trim()).filter(Boolean);

export const secret = env.JWT_SECRET || "";

export const redis = {
  username: env.REDIS_USERNAME || undefined,
  password: env.REDIS_PASSWORD || undefined,
  socket: {
    host: env.REDIS_HOST || "127.0.0.1",
    port: Number(env.REDIS_PORT || 6379),
    ...(env.REDIS_TLS === "true" && { tls: true }),
  },
};

import { mount } from "@/server/rest/mount";

export const { GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS } = mount("/api/v1/test/clock");

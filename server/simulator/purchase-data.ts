import { z } from "zod";

/** What a purchase tells about the customer and the delivery, checked as Klarna's SDK describes it. */

const NameSchema = z.string().min(1).max(99);
const PhoneSchema = z
  .string()
  .max(99)
  .regex(/^[\d+(). -]*\d[\d+(). -]*$/, "must be digits, with + ( ) . - and spaces");

export const AddressSchema = z
  .looseObject({
    street_address: z.string().min(1).max(99).optional(),
    street_address2: z.string().max(99).optional(),
    postal_code: z.string().min(1).max(10).optional(),
    city: z.string().min(1).max(99).optional(),
    region: z.string().min(1).max(99).optional(),
    country: z
      .string()
      .regex(/^[A-Z]{2}$/, "must be a country code of two capital letters")
      .optional(),
  })
  .refine((address) => (address.country !== "US" && address.country !== "AU") || address.region !== undefined, {
    path: ["region"],
    message: "is required for US and AU",
  });

export const CustomerSchema = z.looseObject({
  given_name: NameSchema.optional(),
  family_name: NameSchema.optional(),
  email: z.string().min(3).max(254).optional(),
  phone: PhoneSchema.optional(),
  address: AddressSchema.optional(),
  national_identification: z.looseObject({ number: z.string().min(1), country: z.string().optional() }).optional(),
});
export type CustomerData = z.infer<typeof CustomerSchema>;

export const ShippingSchema = z.array(
  z.looseObject({
    shipping_reference: z.string().min(1).max(255).optional(),
    recipient: z
      .looseObject({
        given_name: NameSchema.optional(),
        family_name: NameSchema.optional(),
        email: z.string().optional(),
        phone: PhoneSchema.optional(),
      })
      .optional(),
    address: AddressSchema.optional(),
    tracking_number: z.string().min(1).max(255).optional(),
    tracking_url: z.string().max(2048).optional(),
  }),
);
export type ShippingData = z.infer<typeof ShippingSchema>;

"""The Airflow DAG that carries files attached to bills, credits and purchase orders."""

from operators.attachments import build_attachments

dag = build_attachments(
    "procure_to_pay", legs=("purchase_order", "bill", "supplier_credit", "voucher", "vendor_credit")
)

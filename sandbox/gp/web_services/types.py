"""
The types of Web Services, their elements in the order of the wire (sources.md GP §3).

``Name:type`` with ``!`` required, ``?`` nillable, ``*`` repeated; ``d.`` and ``t.`` are the other two namespaces; ``~``
before a type's name makes it abstract. Of the objects that are written every element is here: what the sandbox does not
keep is taken and answered nil; ``any`` is a type of which nothing is kept, a literal of an enumeration that is not
listed a ``string``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

GP = "http://schemas.microsoft.com/dynamics/gp/2006/01"
DYNAMICS = "http://schemas.microsoft.com/dynamics/2006/01"
TYPES = "http://microsoft.com/wsdl/types/"
NAMESPACES = {"": GP, "d.": DYNAMICS, "t.": TYPES}
ANY = "any"
XS = frozenset({"string", "int", "short", "boolean", "decimal", "dateTime"})
_KEYS = (
    "CustomerKey",
    "ItemKey",
    "CustomerClassKey",
    "PaymentTermsKey",
    "PriceLevelKey",
    "TaxScheduleKey",
    "UofMScheduleKey",
    "VendorKey",
    "VendorClassKey",
    "ItemClassKey",
    "SalespersonKey",
    "WarehouseKey",
    "BankAccountKey",
)
_BETWEEN = "From:{0}{1} To:{0}{1} GreaterThan:{0}{1} LessThan:{0}{1}"


@dataclass(frozen=True)
class Element:
    """One element of a type."""

    name: str
    type: str
    required: bool
    nillable: bool
    repeated: bool


@dataclass(frozen=True)
class ComplexType:
    """A type with its own elements; those of its base come first."""

    name: str
    base: str
    abstract: bool
    own: tuple[Element, ...]

    @property
    def elements(self) -> tuple[Element, ...]:
        """All elements in the order of the wire."""
        return (COMPLEX[self.base].elements if self.base else ()) + self.own


def element(word: str) -> Element:
    """One element of its ``Name:type`` word."""
    name, kind = word.split(":")
    return Element(name, kind.rstrip("!?*"), "!" in kind, "?" in kind, "*" in kind)


def _complex(head: str, elements: str = "") -> ComplexType:
    name, _, base = head.partition(" < ")
    return ComplexType(name.lstrip("~"), base, name.startswith("~"), tuple(map(element, elements.split())))


_ALL = [
    _complex("~d.Key"),
    _complex("~d.OrganizationKey < d.Key"),
    _complex("d.CompanyKey < d.OrganizationKey", "Id:int!"),
    _complex(
        "d.Context",
        "WorkOnBehalfOf:string OrganizationKey:d.OrganizationKey CultureName:string CurrencyType:d.CurrencyType!"
        " TenantName:string",
    ),
    _complex("~GreatPlainsKey < d.Key", "CompanyKey:d.CompanyKey"),
    _complex("~ReferenceKey < GreatPlainsKey"),
    *(_complex(f"{name} < ReferenceKey", "Id:string") for name in _KEYS),
    _complex("LanguageKey < ReferenceKey", "Id:int!"),
    _complex("GLAccountNumberKey < ReferenceKey", "Id:string IsEncrypted:boolean!"),
    _complex("CustomerAddressKey < ReferenceKey", "CustomerKey:CustomerKey Id:string"),
    _complex("VendorAddressKey < ReferenceKey", "VendorKey:VendorKey Id:string"),
    _complex("CurrencyKey < ReferenceKey", "ISOCode:string"),
    _complex("~BusinessObject", "Extensions:any"),
    _complex("ArrayOfString", "string:string?*"),
    _complex("ArrayOfDateTime", "dateTime:dateTime?*"),
    _complex("~Restriction"),
    _complex("RestrictionOfString < Restriction", "EqualValue:string NotEqualValue:string"),
    _complex("ListRestrictionOfString < RestrictionOfString", "Items:ArrayOfString"),
    _complex("BetweenRestrictionOfString < ListRestrictionOfString", _BETWEEN.format("string", "")),
    _complex("LikeRestrictionOfString < BetweenRestrictionOfString", "Like:string"),
    _complex("RestrictionOfNullableOfDateTime", "EqualValue:dateTime!? NotEqualValue:dateTime!?"),
    _complex("ListRestrictionOfNullableOfDateTime < RestrictionOfNullableOfDateTime", "Items:ArrayOfDateTime"),
    _complex(
        "BetweenRestrictionOfNullableOfDateTime < ListRestrictionOfNullableOfDateTime",
        _BETWEEN.format("dateTime", "!?"),
    ),
    _complex("RestrictionOfNullableOfBoolean", "EqualValue:boolean!? NotEqualValue:boolean!?"),
    _complex("~Criteria"),
    _complex("Percent", "Value:decimal! DecimalDigits:int!"),
    _complex("PhoneNumber", "Value:string CountryCode:string Extension:string"),
    _complex("ArrayOfPhoneNumber", "PhoneNumber:PhoneNumber?*"),
    _complex(
        "InternetAddresses",
        "MessengerAddress:string EmailToAddress:string EmailCcAddress:string EmailBccAddress:string"
        " InternetField1:string InternetField2:string InternetField3:string InternetField4:string"
        " InternetField5:string InternetField6:string InternetField7:string InternetField8:string"
        " AdditionalInformation:string",
    ),
    _complex(
        "~AddressBase < BusinessObject",
        "Line1:string Line2:string Line3:string City:string State:string PostalCode:string",
    ),
    _complex(
        "Address < AddressBase",
        "CountryRegion:string Phone1:PhoneNumber Phone2:PhoneNumber Phone3:PhoneNumber Fax:PhoneNumber",
    ),
    _complex("InternationalAddress < Address", "CountryRegionCodeKey:any"),
    _complex("BusinessAddress < InternationalAddress", "Name:string ContactPerson:string"),
    _complex(
        "ConstituentAddress < BusinessAddress",
        "UPSZone:string ShippingMethodKey:any TaxScheduleKey:TaxScheduleKey CreatedDate:dateTime!"
        " ModifiedDate:dateTime! LastModifiedDate:dateTime!? UserDefined1:string UserDefined2:string"
        " InternetAddresses:InternetAddresses",
    ),
    _complex(
        "CustomerAddress < ConstituentAddress",
        "Key:CustomerAddressKey SalespersonKey:SalespersonKey SalesTerritoryKey:any WarehouseKey:WarehouseKey"
        " DeleteOnUpdate:boolean!?",
    ),
    _complex("ArrayOfCustomerAddress", "CustomerAddress:CustomerAddress?*"),
    _complex(
        "Customer < BusinessObject",
        "Key:CustomerKey IsOnHold:boolean!? IsActive:boolean!? ShipCompleteOnly:boolean!? Name:string"
        " Shortname:string StatementName:string ClassKey:CustomerClassKey Priority:int!?"
        " DefaultAddressKey:CustomerAddressKey ShipToAddressKey:CustomerAddressKey"
        " BillToAddressKey:CustomerAddressKey StatementToAddressKey:CustomerAddressKey Comment1:string"
        " Comment2:string TradeDiscountPercent:Percent PaymentTermsKey:PaymentTermsKey DiscountGracePeriod:int!?"
        " DueDateGracePeriod:int!? PriceLevelKey:PriceLevelKey Notes:string BalanceType:string!? FinanceCharge:any"
        " MinimumPayment:any CreditLimit:any MaximumWriteoff:any AllowRevaluation:boolean!?"
        " PostResultsTo:ReceivablesPostResultsTo! OrderFullfillmentShortageDefault:string!?"
        " IncludeInDemandPlanning:boolean!? PaymentCardAccount:any BankName:string BankBranch:string"
        " UserLanguageKey:LanguageKey TaxExemptNumbers:ArrayOfString TaxRegistrationNumber:string"
        " CurrencyKey:CurrencyKey RateTypeKey:any StatementCycle:string!? HistoryOptions:any"
        " SendEmailStatements:boolean!? BankAccountKey:BankAccountKey DefaultCashAccountType:string!?"
        " CashGLAccountKey:GLAccountNumberKey AccountsReceivableGLAccountKey:GLAccountNumberKey"
        " SalesGLAccountKey:GLAccountNumberKey CostOfGoodsSoldGLAccountKey:GLAccountNumberKey"
        " InventoryGLAccountKey:GLAccountNumberKey PaymentTermsDiscountTakenGLAccountKey:GLAccountNumberKey"
        " PaymentTermsDiscountAvailableGLAccountKey:GLAccountNumberKey"
        " FinanceChargesGLAccountKey:GLAccountNumberKey WriteoffGLAccountKey:GLAccountNumberKey"
        " SalesOrderReturnsGLAccountKey:GLAccountNumberKey OverpaymentWriteoffGLAccountKey:GLAccountNumberKey"
        " StatementRecipients:any CreatedDate:dateTime! ModifiedDate:dateTime! LastModifiedDate:dateTime!"
        " CorporateAccountKey:CustomerKey UserDefined1:string UserDefined2:string Addresses:ArrayOfCustomerAddress",
    ),
    _complex(
        "CustomerSummary",
        "Key:CustomerKey Name:string IsActive:boolean! IsOnHold:boolean! CustomerClassKey:CustomerClassKey"
        " CorporateAccountKey:CustomerKey SalespersonKey:SalespersonKey State:string"
        " PhoneNumbers:ArrayOfPhoneNumber CreatedDate:dateTime! ModifiedDate:dateTime! LastModifiedDate:dateTime!",
    ),
    _complex("ArrayOfCustomerSummary", "CustomerSummary:CustomerSummary?*"),
    _complex(
        "CustomerCriteria < Criteria",
        "Id:BetweenRestrictionOfString Name:LikeRestrictionOfString IsActive:RestrictionOfNullableOfBoolean"
        " IsOnHold:RestrictionOfNullableOfBoolean SalespersonId:LikeRestrictionOfString"
        " ClassId:LikeRestrictionOfString CorporateAccountId:LikeRestrictionOfString State:LikeRestrictionOfString"
        " PhoneNumber:LikeRestrictionOfString CreatedDate:BetweenRestrictionOfNullableOfDateTime"
        " ModifiedDate:BetweenRestrictionOfNullableOfDateTime"
        " LastModifiedDate:BetweenRestrictionOfNullableOfDateTime Scope:CustomerScope!",
    ),
    _complex("VendorAddress < ConstituentAddress", "Key:VendorAddressKey DeleteOnUpdate:boolean!?"),
    _complex("ArrayOfVendorAddress", "VendorAddress:VendorAddress?*"),
    _complex(
        "Vendor < BusinessObject",
        "Key:VendorKey Name:string ShortName:string CheckName:string IsOnHold:boolean!? IsActive:boolean!?"
        " IsOneTime:boolean!? ClassKey:VendorClassKey DefaultAddressKey:VendorAddressKey"
        " PurchaseAddressKey:VendorAddressKey RemitToAddressKey:VendorAddressKey"
        " ShipFromAddressKey:VendorAddressKey VendorAccountNumber:string Comment1:string Comment2:string"
        " Notes:string CurrencyKey:CurrencyKey RateTypeKey:any PaymentTermsKey:PaymentTermsKey"
        " DiscountGracePeriod:int!? DueDateGracePeriod:int!? PaymentPriority:string MinimumOrderAmount:MoneyAmount"
        " TradeDiscountPercent:Percent TaxSchedule:string TaxIdentificationNumber:string"
        " TaxRegistrationNumber:string BankAccountKey:BankAccountKey UserDefined1:string UserDefined2:string"
        " Tax1099Type:string!? Tax1099BoxNumber:int!? FreeOnBoard:string!? UserLanguageKey:LanguageKey"
        " MinimumPayment:any MaximumInvoice:any CreditLimit:any MaximumWriteoff:any AllowRevaluation:boolean!?"
        " PostResultsTo:PayablesPostResultsTo! HistoryOptions:any DefaultCashAccountType:string!?"
        " CashGLAccountKey:GLAccountNumberKey AccountsPayableGLAccountKey:GLAccountNumberKey"
        " TermsDiscountAvailableGLAccountKey:GLAccountNumberKey TermsDiscountTakenGLAccountKey:GLAccountNumberKey"
        " FinanceChargesGLAccountKey:GLAccountNumberKey PurchasesGLAccountKey:GLAccountNumberKey"
        " TradeDiscountGLAccountKey:GLAccountNumberKey MiscellaneousGLAccountKey:GLAccountNumberKey"
        " FreightGLAccountKey:GLAccountNumberKey TaxGLAccountKey:GLAccountNumberKey"
        " WriteoffGLAccountKey:GLAccountNumberKey AccruedPurchasesGLAccountKey:GLAccountNumberKey"
        " PurchasePriceVarianceGLAccountKey:GLAccountNumberKey CreatedDate:dateTime! ModifiedDate:dateTime!"
        " ProjectAccountingOptions:any Addresses:ArrayOfVendorAddress WorkflowPriority:string!? Workflows:any"
        " Language:string",
    ),
    _complex(
        "VendorSummary",
        "Key:VendorKey Name:string ClassKey:VendorClassKey State:string PhoneNumbers:ArrayOfPhoneNumber"
        " CreatedDate:dateTime! ModifiedDate:dateTime! IsOnHold:boolean!? IsActive:boolean!? IsOneTime:boolean!?",
    ),
    _complex("ArrayOfVendorSummary", "VendorSummary:VendorSummary?*"),
    _complex(
        "VendorCriteria < Criteria",
        "IsOnHold:RestrictionOfNullableOfBoolean IsActive:RestrictionOfNullableOfBoolean"
        " IsOneTime:RestrictionOfNullableOfBoolean Id:BetweenRestrictionOfString Name:LikeRestrictionOfString"
        " ClassId:LikeRestrictionOfString State:LikeRestrictionOfString PhoneNumber:LikeRestrictionOfString"
        " CreatedDate:BetweenRestrictionOfNullableOfDateTime ModifiedDate:BetweenRestrictionOfNullableOfDateTime"
        " Scope:VendorScope!",
    ),
    _complex("~Amount"),
    _complex("MoneyAmount < Amount", "Currency:string Value:decimal! DecimalDigits:int!"),
    _complex(
        "~Item < BusinessObject",
        "Key:ItemKey Description:string ShortDescription:string GenericDescription:string ClassKey:ItemClassKey"
        " Type:ItemType!? SalesTaxBasis:string!? SalesTaxScheduleKey:TaxScheduleKey"
        " UofMScheduleKey:UofMScheduleKey ShippingWeight:decimal!? QuantityDecimalPlaces:string!?"
        " CurrencyDecimalPlaces:string!? PurchaseTaxBasis:string!? PurchaseTaxScheduleKey:TaxScheduleKey"
        " StandardCost:MoneyAmount CurrentCost:MoneyAmount SubstituteItem1Key:ItemKey SubstituteItem2Key:ItemKey"
        " IncludeInDemandPlanning:boolean!? AllowBackOrder:boolean!? WarrantyDays:short!? ABCCode:string!?"
        " UserCategoryList1:string UserCategoryList2:string UserCategoryList3:string UserCategoryList4:string"
        " UserCategoryList5:string UserCategoryList6:string KeepCalendarYearHistory:boolean!?"
        " KeepFiscalYearHistory:boolean!? KeepTransactionHistory:boolean!? KeepDistributionHistory:boolean!?"
        " InventoryGLAccountKey:GLAccountNumberKey InventoryOffsetGLAccountKey:GLAccountNumberKey"
        " CostofGoodsSoldGLAccountKey:GLAccountNumberKey SalesGLAccountKey:GLAccountNumberKey"
        " MarkdownGLAccountKey:GLAccountNumberKey SalesReturnGLAccountKey:GLAccountNumberKey"
        " InUseGLAccountKey:GLAccountNumberKey InServiceGLAccountKey:GLAccountNumberKey"
        " DamagedGLAccountKey:GLAccountNumberKey VarianceGLAccountKey:GLAccountNumberKey"
        " DropShipGLAccountKey:GLAccountNumberKey PurchasePriceVarianceGLAccountKey:GLAccountNumberKey"
        " UnrealizedPurchasePriceVarianceGLAccountKey:GLAccountNumberKey"
        " InventoryReturnGLAccountKey:GLAccountNumberKey AssemblyVarianceGLAccountKey:GLAccountNumberKey"
        " PurchaseUofM:string DefaultWarehouseKey:WarehouseKey PriceMethod:string!?"
        " FunctionalCurrencyDecimalPlaces:string!? ModifiedDate:dateTime!? LastModifiedDate:dateTime!?"
        " CreatedDate:dateTime!? IsDiscontinued:boolean!? DefaultPriceLevelKey:PriceLevelKey"
        " DefaultSellingUofM:string InternetAddresses:InternetAddresses",
    ),
    _complex("~InventoriedItem < Item"),
    _complex(
        "SalesItem < InventoriedItem",
        "ValuationMethod:string!? TrackingOption:string!? LotCategoryKey:any MinimumShelfLifeDays1:short!?"
        " MinimumShelfLifeDays2:short!? RevalueInventory:boolean!? TolerancePercentage:Percent Quantities:any",
    ),
    _complex(
        "~ItemSummaryBase",
        "Key:ItemKey Description:string ShortDescription:string GenericDescription:string ClassKey:ItemClassKey"
        " CreatedDate:dateTime!? ModifiedDate:dateTime!? LastModifiedDate:dateTime!?",
    ),
    _complex("ItemSummary < ItemSummaryBase", "Type:ItemType! IsDiscontinued:boolean!"),
    _complex("ArrayOfItemSummary", "ItemSummary:ItemSummary?*"),
    _complex(
        "~ItemCriteriaBase < Criteria",
        "ItemId:LikeRestrictionOfString Description:LikeRestrictionOfString"
        " ShortDescription:LikeRestrictionOfString GenericDescription:LikeRestrictionOfString"
        " ItemClassId:LikeRestrictionOfString CreatedDate:BetweenRestrictionOfNullableOfDateTime"
        " ModifiedDate:BetweenRestrictionOfNullableOfDateTime"
        " LastModifiedDate:BetweenRestrictionOfNullableOfDateTime",
    ),
    _complex("ItemCriteria < ItemCriteriaBase", "Type:any IsDiscontinued:RestrictionOfNullableOfBoolean"),
    _complex(
        "Company < BusinessObject",
        "Key:d.CompanyKey Name:string DefaultAddressKey:any DefaultAddress:any UserDefined1:string"
        " UserDefined2:string TaxExempt1:string TaxExempt2:string TaxRegistration:string ModifiedDate:dateTime!?"
        " ModifiedBy:string CreatedDate:dateTime!? SalesTaxScheduleKey:TaxScheduleKey"
        " PurchasesTaxScheduleKey:TaxScheduleKey WithholdingVendorKey:VendorKey"
        " WitholdingFileOrReconciliationNumber:string WitholdingTaxRate:int!? ReceivablesProcessesTaxDetailKey:any"
        " PayablesProcessesTaxDetailKey:any BusinessType:string SICNumber:string DUNSNumber:string"
        " Vets100Number:string AccountSegmentSeparator:string IsValueAddedTaxReturnEnabled:boolean!?"
        " Options:string!? IsWorkflowEnabled:boolean!?",
    ),
    _complex("ArrayOfCompany", "Company:Company?*"),
    _complex(
        "CompanyCriteria < Criteria",
        "Id:any Name:LikeRestrictionOfString CreatedDate:BetweenRestrictionOfNullableOfDateTime"
        " ModifiedDate:BetweenRestrictionOfNullableOfDateTime",
    ),
    _complex("PolicyKey < d.Key", "Id:t.guid!"),
    _complex("BehaviorKey < d.Key", "PolicyKey:PolicyKey Id:t.guid!"),
    _complex(
        "Behavior",
        "Key:BehaviorKey Name:string Description:string Internal:boolean!? Options:any SelectedOption:any",
    ),
    _complex("ArrayOfBehavior", "Behavior:Behavior?*"),
    _complex("Policy", "Key:PolicyKey Behaviors:ArrayOfBehavior Name:string RootBusinessObjectName:string"),
    _complex("~ValidationItem", "ObjectType:string PropertyNames:ArrayOfString Message:string Id:string"),
    _complex("ValidationError < ValidationItem"),
    _complex("ArrayOfValidationError", "ValidationError:ValidationError?*"),
    _complex("ValidationWarning < ValidationItem"),
    _complex("ArrayOfValidationWarning", "ValidationWarning:ValidationWarning?*"),
    _complex("ValidationResult", "Errors:ArrayOfValidationError Warnings:ArrayOfValidationWarning"),
    _complex(
        "ExceptionInformation",
        "ExceptionType:string HelpLink:string InnerException:ExceptionInformation Message:string Source:string"
        " StackTrace:string TargetSite:string",
    ),
    _complex(
        "LoggedExceptionData",
        "LogId:t.guid! ExceptionType:BusinessExceptionType! ExceptionDetail:ExceptionInformation"
        " ValidationResult:ValidationResult ServiceType:string BusinessObjectType:string User:string"
        " Context:d.Context RequestXml:string LoggedDate:dateTime!",
    ),
]
COMPLEX: Mapping[str, ComplexType] = {each.name: each for each in _ALL}
"""Every type by its name, with the prefix of its namespace."""

SIMPLE: Mapping[str, tuple[str, ...]] = {
    "d.CurrencyType": ("Transactional", "Local"),
    "CustomerScope": ("Return All", "Return Based on Customer Id", "Return Based on Salesperson Id"),
    "ReceivablesPostResultsTo": ("Receivables/Discount Account", "Sales Offset Account"),
    "VendorScope": ("Return All", "Return Based on Vendor Id"),
    "PayablesPostResultsTo": ("Payables/Discount Account", "Payables Offset Account"),
    "ItemType": ("Sales Item", "Kit", "Miscellaneous Charges", "Service", "Flat Fee"),
    "BusinessExceptionType": ("ValidationException", "SystemException"),
}
